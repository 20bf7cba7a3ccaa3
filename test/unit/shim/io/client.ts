/** The client's side of stdio for these tests: FIFOs in a directory of their own, opened as containerd opens them. */
import { spawnSync } from "node:child_process";
import { constants, openSync, readdirSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../../support/until.ts";
import { systemClock } from "../../../../shim/clock.ts";
import type { OpenStdioOptions } from "../../../../shim/io/stdio.ts";
import type { StdioRequest } from "../../../../shim/io/upstream.ts";

/** A directory that holds a test's FIFOs, files and scripts. */
export class Workbench {
  readonly path: string;
  readonly #sockets: Socket[] = [];

  static async make(): Promise<Workbench> {
    return new Workbench(await mkdtemp(join(tmpdir(), "stdio-")));
  }

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes a FIFO, as a client does before it asks for the task. */
  fifo(name: string): string {
    const path = join(this.path, name);
    const made = spawnSync("mkfifo", ["-m", "700", path]);
    if (made.status !== 0) throw new Error(`cannot make FIFO "${path}": ${made.stderr.toString()}`);
    return path;
  }

  /** Opens a FIFO for reading; the first read is what `onRead` asks for. */
  reader(path: string): FifoReader {
    const socket = new Socket({
      fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
      readable: true,
      writable: false,
    });
    this.#sockets.push(socket);
    return new FifoReader(socket);
  }

  /** Opens a FIFO for writing, as soon as somebody has it open for reading. */
  async writer(path: string): Promise<Socket> {
    let fd: number | undefined;
    await until(`a reader of ${path}`, () => (fd = openIfRead(path)) !== undefined);
    const socket = new Socket({ fd: fd!, readable: false, writable: true });
    socket.on("error", () => undefined);
    this.#sockets.push(socket);
    return socket;
  }

  /** Descriptors of this process that are open on something in the directory, by name. */
  openDescriptors(): string[] {
    return readdirSync("/proc/self/fd")
      .map((fd) => linkTarget(`/proc/self/fd/${fd}`))
      .filter((target) => target.startsWith(this.path))
      .map((target) => target.slice(this.path.length + 1))
      .sort();
  }

  async remove(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Undefined while nobody has the FIFO open for reading. */
function openIfRead(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENXIO") return undefined;
    throw error;
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // The descriptor of the listing itself is gone by now.
    return "";
  }
}

/** A reader that takes only what it is asked to. */
export class FifoReader {
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.pause();
  }

  /** Exactly `bytes` bytes, fewer at end of file. */
  async take(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = bytes;
    while (missing > 0) {
      const chunk = (this.socket.read(Math.min(missing, this.socket.readableLength || 1)) ?? undefined) as
        Buffer | undefined;
      if (chunk !== undefined) {
        parts.push(chunk);
        missing -= chunk.length;
      } else if (this.socket.readableEnded || this.socket.destroyed) {
        break;
      } else {
        await somethingOf(this.socket);
      }
    }
    return Buffer.concat(parts);
  }

  /** Everything until end of file. */
  async rest(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const chunk of this.socket) parts.push(chunk as Buffer);
    return Buffer.concat(parts);
  }
}

function somethingOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of ["readable", "end", "close"]) socket.off(event, settle);
      resolve();
    };
    for (const event of ["readable", "end", "close"]) socket.on(event, settle);
  });
}

/** A request for nothing, with what a test wants in it. */
export function requestOf(init: Partial<StdioRequest>): StdioRequest {
  return {
    stdin: "",
    stdout: "",
    stderr: "",
    terminal: false,
    namespace: "testing",
    containerId: "web",
    ...init,
  };
}

/** How a shim on Linux opens stdio, with what a test wants otherwise. */
export function openOptions(init: Partial<OpenStdioOptions> = {}): OpenStdioOptions {
  return { signal: new AbortController().signal, clock: systemClock, transport: "fifo", ...init };
}

/** The promise of an event. */
export function happened(
  emitter: { once(event: string, listener: () => void): unknown },
  event: string,
): Promise<void> {
  return new Promise((resolve) => void emitter.once(event, resolve));
}
