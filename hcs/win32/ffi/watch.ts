/**
 * Waiting for objects of the platform without a thread that waits: the thread pool of Windows watches up to 63 of them on each of its
 * own threads, and calls back on the event loop. Nothing is parked that would keep this process from exiting.
 */
import { win32Failure } from "./result.ts";
import { CallbackTable } from "./callback.ts";
import { Lane } from "./lane.ts";
import { lastError } from "./last-error.ts";
import { KERNEL32 } from "./libraries/kernel32.ts";
import { KERNEL32_FILES } from "./libraries/kernel32-files.ts";
import { Library } from "./library.ts";
import { out, type Handle } from "./types.ts";

const lane = new Lane("watch", 1);
const kernel32 = new Library(KERNEL32, lane);
const objects = new Library(KERNEL32_FILES, lane);

/** WAITORTIMERCALLBACK. */
const callbacks = new CallbackTable({
  signature: "void (handle context, u32 timedOut)",
  context: 0,
});

const INFINITE = 0xffff_ffff;
const WT_EXECUTEONLYONCE = 8;
const ERROR_IO_PENDING = 997;

export interface WatchOptions {
  /** For what stays signalled, as a process that has ended. */
  readonly once?: boolean;
}

/** A handle that is watched. */
export class Watch {
  readonly #wait: Handle;
  readonly #context: number;
  readonly #once: boolean;
  #stopped: (() => void) | undefined;
  #ended = false;

  /**
   * @param onSignalled called on the event loop each time the handle is signalled
   * @throws {HcsError} when the handle cannot be waited for
   */
  constructor(handle: Handle, onSignalled: () => void, { once = false }: WatchOptions = {}) {
    this.#once = once;
    this.#context = callbacks.add(() => {
      // A callback that was on its way when the watch was stopped is the last there is.
      if (this.#stopped !== undefined) this.#end(this.#stopped);
      else {
        if (this.#once) this.#unregister();
        onSignalled();
      }
    });
    const wait = out();
    const flags = once ? WT_EXECUTEONLYONCE : 0;
    const registered = objects.call(
      "RegisterWaitForSingleObject",
      wait,
      handle,
      callbacks.address,
      this.#context,
      INFINITE,
      flags,
    );
    if (registered === 0) {
      callbacks.delete(this.#context);
      throw win32Failure(lastError(), { operation: "wait for a handle" });
    }
    this.#wait = wait[0];
  }

  /**
   * Ends it; nothing is called back from now on. Idempotent.
   *
   * @param stopped called when the platform has let go of the handle, which may be closed then: at once unless a callback is on its way
   */
  stop(stopped: () => void = () => undefined): void {
    if (this.#ended) return stopped();
    if (this.#stopped !== undefined) return;
    this.#stopped = stopped;
    if (objects.call("UnregisterWaitEx", this.#wait, 0) !== 0 || lastError() !== ERROR_IO_PENDING)
      this.#end(stopped);
  }

  /** From inside the callback of a watch that fires once. */
  #unregister(): void {
    objects.call("UnregisterWaitEx", this.#wait, 0);
    this.#end(() => undefined);
  }

  #end(stopped: () => void): void {
    this.#ended = true;
    callbacks.delete(this.#context);
    stopped();
  }
}

/** An event (CreateEvent, auto-reset) that calls back each time it is set. */
export class NativeEvent {
  readonly handle: Handle;
  readonly #watch: Watch;
  #closed = false;

  constructor(onSet: () => void) {
    this.handle = objects.call("CreateEventW", null, 0, 0, null);
    if (BigInt(this.handle) === 0n) throw win32Failure(lastError(), { operation: "create event" });
    try {
      this.#watch = new Watch(this.handle, onSet);
    } catch (error) {
      kernel32.call("CloseHandle", this.handle);
      throw error;
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.stop(() => kernel32.call("CloseHandle", this.handle));
  }
}
