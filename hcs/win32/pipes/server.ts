/**
 * Serving a named pipe. Not by `node:net`, which serves remote clients too: libuv makes its pipes without
 * PIPE_REJECT_REMOTE_CLIENTS. The security descriptor is the system's default, as containerd expects; who may take the name is
 * up to its prefix (`ProtectedPrefix\Administrators`).
 */
import type { Socket } from "node:net";
import { CallbackTable } from "../ffi/callback.ts";
import { Lane } from "../ffi/lane.ts";
import { PIPES } from "../ffi/libraries/pipes.ts";
import { Library } from "../ffi/library.ts";
import { win32Failure } from "../ffi/result.ts";
import { out, type Handle } from "../ffi/types.ts";
import { adoptPipe } from "./adopt.ts";

export interface PipeServerOptions {
  onConnection(stream: Socket): void;
  /** A client could not be served; others can. */
  onError(error: Error): void;
}

const PIPE_ACCESS_DUPLEX = 0x3;
const FILE_FLAG_OVERLAPPED = 0x4000_0000;
const FILE_FLAG_FIRST_PIPE_INSTANCE = 0x8_0000;
/** Bytes, not messages, which are the other bits of the pipe mode. */
const PIPE_REJECT_REMOTE_CLIENTS = 0x8;
const PIPE_UNLIMITED_INSTANCES = 255;
const BUFFER_BYTES = 65_536;
const INVALID_HANDLE = 0xffff_ffff_ffff_ffffn;
const INFINITE = 0xffff_ffff;
const WT_EXECUTEONLYONCE = 0x8;

const ERROR_NO_DATA = 232;
const ERROR_PIPE_CONNECTED = 535;
const ERROR_IO_PENDING = 997;

/** How many clients may dial at one moment before any has been accepted. */
const WAITING_INSTANCES = 4;

/** OVERLAPPED, x64: two words of the system, offset, event. */
const OVERLAPPED_BYTES = 32;
const OVERLAPPED_EVENT = 24;

const kernel32 = new Library(PIPES, new Lane("pipes", 1));

/** WAITORTIMERCALLBACK: the event of an instance was set. */
const connected = new CallbackTable({
  signature: "void (handle context, u32 timedOut)",
  context: 0,
});

/** A pipe that is served. It keeps the process alive until it is closed. */
export class PipeServer {
  readonly path: string;
  readonly #options: PipeServerOptions;
  readonly #waiting = new Set<Instance>();
  /** Native waits do not count as something that Node has to do. */
  readonly #keepAlive = setInterval(() => undefined, 2 ** 30);
  #closed = false;

  private constructor(path: string, options: PipeServerOptions) {
    this.path = path;
    this.#options = options;
  }

  /**
   * Can be dialled when this returns.
   *
   * @throws {HcsError} when somebody serves the name already, or it may not be used
   */
  static listen(path: string, options: PipeServerOptions): PipeServer {
    const server = new PipeServer(path, options);
    try {
      for (let n = 0; n < WAITING_INSTANCES; n++) server.#offer(n === 0);
    } catch (error) {
      server.close();
      throw error;
    }
    return server;
  }

  /** Nobody can dial any more; connections go on. Idempotent. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#keepAlive);
    for (const instance of this.#waiting) instance.close();
    this.#waiting.clear();
  }

  #offer(isFirst: boolean): void {
    const instance = new Instance(this.path, isFirst, () => this.#accept(instance));
    this.#waiting.add(instance);
  }

  #accept(instance: Instance): void {
    // Closed while the word of a client was on its way.
    if (!this.#waiting.delete(instance) || this.#closed) return;
    try {
      this.#offer(false);
      const handle = instance.take();
      if (handle !== undefined) this.#options.onConnection(adoptPipe(handle));
    } catch (error) {
      this.#options.onError(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** One instance of a pipe, until a client has taken it. */
class Instance {
  readonly #path: string;
  readonly #pipe: Handle;
  readonly #event: Handle;
  /** The system writes here until the operation is over: it lives as long as the instance. */
  readonly #overlapped = Buffer.alloc(OVERLAPPED_BYTES);
  readonly #context: number;
  #wait: Handle = 0;

  /** @param onClient called once, never before the constructor has returned */
  constructor(path: string, isFirst: boolean, onClient: () => void) {
    this.#path = path;
    const mode = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (isFirst ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0);
    this.#pipe = kernel32.call(
      "CreateNamedPipeW",
      path,
      mode,
      PIPE_REJECT_REMOTE_CLIENTS,
      PIPE_UNLIMITED_INSTANCES,
      BUFFER_BYTES,
      BUFFER_BYTES,
      0,
      0,
    );
    if (BigInt(this.#pipe) === INVALID_HANDLE) throw this.#failure();
    this.#event = kernel32.call("CreateEventW", 0, 1, 0, null);
    this.#overlapped.writeBigUInt64LE(BigInt(this.#event), OVERLAPPED_EVENT);
    this.#context = connected.add(onClient);
    try {
      this.#listen();
    } catch (error) {
      this.#release();
      kernel32.call("CloseHandle", this.#pipe);
      throw error;
    }
  }

  #listen(): void {
    let error: number;
    do {
      kernel32.call("ConnectNamedPipe", this.#pipe, this.#overlapped);
      error = kernel32.call("GetLastError");
      // A client has come and gone already: the instance is free for the next.
      if (error === ERROR_NO_DATA) kernel32.call("DisconnectNamedPipe", this.#pipe);
    } while (error === ERROR_NO_DATA);
    if (error === ERROR_PIPE_CONNECTED) {
      // Complete without an operation, which would have set the event.
      this.#overlapped.fill(0, 0, OVERLAPPED_EVENT);
      kernel32.call("SetEvent", this.#event);
    } else if (error !== ERROR_IO_PENDING) throw this.#failure(error);
    const wait = out();
    const done = kernel32.call(
      "RegisterWaitForSingleObject",
      wait,
      this.#event,
      connected.address,
      this.#context,
      INFINITE,
      WT_EXECUTEONLYONCE,
    );
    if (done === 0) throw this.#failure();
    this.#wait = wait[0];
  }

  /** @returns the pipe with its client; undefined when the client has gone or the operation was cancelled */
  take(): Handle | undefined {
    const succeeded = kernel32.call("GetOverlappedResult", this.#pipe, this.#overlapped, out(), 0) !== 0;
    this.#release();
    if (succeeded) return this.#pipe;
    kernel32.call("CloseHandle", this.#pipe);
    return undefined;
  }

  close(): void {
    kernel32.call("CancelIoEx", this.#pipe, this.#overlapped);
    // Until then the system may write; a cancelled operation is over at once.
    kernel32.call("GetOverlappedResult", this.#pipe, this.#overlapped, out(), 1);
    this.#release();
    kernel32.call("CloseHandle", this.#pipe);
  }

  #release(): void {
    connected.delete(this.#context);
    // Answers that a callback is running when it is called by that callback; the system finishes it then.
    if (this.#wait !== 0) kernel32.call("UnregisterWait", this.#wait);
    kernel32.call("CloseHandle", this.#event);
  }

  #failure(error: number = kernel32.call("GetLastError")): Error {
    return win32Failure(error, { operation: "serve named pipe", target: this.#path });
  }
}
