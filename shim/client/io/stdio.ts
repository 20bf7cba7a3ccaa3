/** The client's ends of a process's streams, and what the shim is told of the other ends. */
import type { Readable, Writable } from "node:stream";
import type { TaskStdio } from "../engine.ts";
import { openFifos } from "./fifos.ts";
import { openPipes } from "./pipes.ts";

/** Which streams are wanted. */
export interface StreamWish {
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** Ignored with a terminal, which has one output. */
  readonly stderr: boolean;
  readonly terminal: boolean;
}

/** Streams that were made for a process. */
export interface ClientStdio {
  /** For Create or Exec. */
  readonly task: TaskStdio;
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  /** The process has been started: what its shim has not opened by now it never will. */
  started(): void;
  /** Resolves when all output has been read, or given up. */
  readonly drained: Promise<void>;
  /** Closes what is open. Idempotent. */
  close(): Promise<void>;
}

/** FIFOs, or the named pipes of Windows. */
export function openStdio(wish: StreamWish): Promise<ClientStdio> {
  return process.platform === "win32" ? openPipes(wish) : openFifos(wish);
}

/** Output into a file, both streams as they come. No streams for the client. */
export function logStdio(path: string, terminal: boolean): TaskStdio {
  // `C:\x` becomes `file:///C:/x`.
  const url = `file://${path.startsWith("/") ? "" : "/"}${path.replaceAll("\\", "/").replaceAll("%", "%25")}`;
  return { stdin: "", stdout: url, stderr: terminal ? "" : url, terminal };
}
