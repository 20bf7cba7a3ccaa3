/**
 * Named pipes that the client serves, the stdio of containerd on Windows. The shim is their client: it dials each pipe
 * once at Create or Exec, and closing the connection is end of file.
 */
import { connect, type Socket } from "node:net";
import { reasonOf, type Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { StdioError, type StdioField } from "./errors.ts";
import { RedialingWriter } from "./redial.ts";
import type {
  NamedPipeOptions,
  OpenContext,
  PipeConnection,
  StdioRequest,
  UpstreamStdio,
} from "./upstream.ts";
import { parseStdioUri } from "./uri.ts";

/** Bare `\\.\pipe\…` paths and `npipe:////./pipe/…` URIs. */
export async function openNamedPipes(request: StdioRequest, context: OpenContext): Promise<UpstreamStdio> {
  const { clock, namedPipes: options, signal } = context;
  const dial = options.connect ?? connectLocalPipe;
  const open: { destroy(): unknown }[] = [];

  const dialField = async (
    field: StdioField,
  ): Promise<{ path: string; socket: PipeConnection } | undefined> => {
    const value = request[field];
    if (value === "" || (field === "stderr" && request.terminal)) return undefined;
    const path = pipePath(field, value);
    let socket: PipeConnection;
    try {
      socket = await dial(path, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      throw new StdioError("unavailable", field, value, messageOf(error), error);
    }
    open.push(socket);
    return { path, socket };
  };
  const dialOutput = async (field: "stdout" | "stderr"): Promise<RedialingWriter | undefined> => {
    const dialled = await dialField(field);
    if (dialled === undefined) return undefined;
    const writer = new RedialingWriter(dialled.socket, {
      path: dialled.path,
      connect: dial,
      clock,
      retryTimeoutMs: options.retryTimeoutMs,
      random: options.random ?? Math.random,
    });
    writer.on("error", () => undefined);
    open.push(writer);
    return writer;
  };

  try {
    const input = (await dialField("stdin"))?.socket;
    input?.on("error", () => undefined);
    const stdout = await dialOutput("stdout");
    const stderr = await dialOutput("stderr");
    const linger = input === undefined ? undefined : new Linger(input, clock, options);
    return {
      paths: { stdin: request.stdin, stdout: request.stdout, stderr: request.stderr },
      ...(input === undefined ? {} : { stdin: input }),
      ...(stdout === undefined ? {} : { stdout }),
      ...(stderr === undefined ? {} : { stderr }),
      closeStdin: () => linger?.start(),
      close: async () => {
        linger?.stop();
        for (const one of open) one.destroy();
      },
    };
  } catch (error) {
    for (const one of open) one.destroy();
    throw error;
  }
}

/**
 * CloseIO on a pipe. The client may hold its end open although it has said that nothing more will come, and what it
 * wrote before may still be in the pipe: the input ends when nothing has arrived for a while.
 */
class Linger {
  readonly #input: PipeConnection;
  readonly #clock: Clock;
  readonly #ms: number;
  #cancel: (() => void) | undefined;

  constructor(input: PipeConnection, clock: Clock, options: NamedPipeOptions) {
    this.#input = input;
    this.#clock = clock;
    this.#ms = options.stdinLingerMs;
  }

  start(): void {
    if (this.#cancel === undefined) this.#arm(this.#input.bytesRead);
  }

  stop(): void {
    this.#cancel?.();
  }

  #arm(seen: number): void {
    this.#cancel = this.#clock.setTimeout(() => {
      const input = this.#input;
      if (input.destroyed) return;
      // Paused: the process is the slow one here, the pipe may be full of input.
      const quiet = input.bytesRead === seen && input.readableLength === 0 && !input.isPaused();
      if (quiet) input.destroy();
      else this.#arm(input.bytesRead);
    }, this.#ms);
  }
}

function pipePath(field: StdioField, value: string): string {
  try {
    const uri = parseStdioUri(value);
    if (uri.scheme === "") return value;
    if (uri.scheme === "npipe") return uri.path.replaceAll("/", "\\");
  } catch (error) {
    throw new StdioError("invalid", field, value, messageOf(error), error);
  }
  throw new StdioError("unsupported", field, value, "not a named pipe");
}

const LOCAL_PIPE = /^\\\\[.?]\\pipe\\[^\\]/i;

/**
 * Dials a pipe of this machine. A pipe of another one would be SMB, by a name that came from outside.
 *
 * @throws when the path is none, nobody serves it, or `signal` fires
 */
export async function connectLocalPipe(path: string, signal: AbortSignal): Promise<Socket> {
  if (!LOCAL_PIPE.test(path)) throw new Error("not the path of a local named pipe");
  return connectPath(path, signal);
}

/** Connects to the local socket or pipe at `path`. `signal` ends the dialling, not the connection. */
export function connectPath(path: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({ path });
    const onAbort = (): void => void socket.destroy(reasonOf(signal));
    const settle = (): void => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      socket.off("connect", onConnect);
    };
    const onError = (error: Error): void => {
      settle();
      reject(error);
    };
    const onConnect = (): void => {
      settle();
      resolve(socket);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", onError);
    socket.on("connect", onConnect);
  });
}
