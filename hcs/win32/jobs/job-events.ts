/** What jobs tell of by a completion port, which one thread waits at while there is such a job. */
import { Lane } from "../ffi/lane.ts";
import { lastError } from "../ffi/last-error.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_PROCESSES } from "../ffi/libraries/kernel32-processes.ts";
import { Library } from "../ffi/library.ts";
import { win32Failure } from "../ffi/result.ts";
import { out, type Handle } from "../ffi/types.ts";
import { inBackground } from "../diagnostics.ts";
import type { NativeThread, ThreadCalls } from "../threads/native-thread.ts";

const lane = new Lane("job events", 1);
const kernel32 = new Library(KERNEL32, lane);
const processes = new Library(KERNEL32_PROCESSES, lane);

const NO_FILE = 0xffff_ffff_ffff_ffffn;
const INFINITE = 0xffff_ffff;
/** Nobody's: sent by ourselves to end the waiting. */
const WAKE_KEY = 0;

export interface JobEvent {
  /** Which job, by the key it was associated with. */
  readonly key: number;
  /** JOB_OBJECT_MSG_* */
  readonly message: number;
}

export const JOB_EVENT_CALLS = {
  /** The next event. Blocks until there is one. */
  next(port: Handle): JobEvent {
    const message = out();
    const key = out();
    const ignored = out();
    if (processes.call("GetQueuedCompletionStatus", port, message, key, ignored, INFINITE) === 0)
      throw win32Failure(lastError(), { operation: "wait for what jobs tell" });
    return { key: Number(key[0]), message: Number(message[0]) };
  },
} as const;

export type JobEventCalls = typeof JOB_EVENT_CALLS;

type Listener = (message: number) => void;

export class JobEvents {
  readonly #calls: ThreadCalls<JobEventCalls>;
  readonly #listeners = new Map<number, Listener>();
  #lastKey = WAKE_KEY;
  #port: Handle | undefined;
  #waiting = false;

  constructor(thread: NativeThread) {
    this.#calls = thread.calls<JobEventCalls>("jobEvents");
  }

  /** Where events of jobs are sent to. */
  get port(): Handle {
    if (this.#port !== undefined) return this.#port;
    const port = processes.call("CreateIoCompletionPort", NO_FILE, 0, 0, 1);
    if (BigInt(port) === 0n) throw win32Failure(lastError(), { operation: "create completion port" });
    return (this.#port = port);
  }

  /** @returns the key to associate a job with */
  add(listener: Listener): number {
    const key = ++this.#lastKey;
    this.#listeners.set(key, listener);
    if (!this.#waiting) inBackground("listen to what jobs tell", this.#wait());
    return key;
  }

  /** Idempotent. The last one ends the waiting. */
  delete(key: number): void {
    if (this.#listeners.delete(key) && this.#listeners.size === 0) this.#wake();
  }

  close(): void {
    this.#listeners.clear();
    this.#wake();
  }

  async #wait(): Promise<void> {
    this.#waiting = true;
    try {
      while (this.#listeners.size > 0) {
        const { key, message } = await this.#calls.next([this.port], { background: true });
        this.#listeners.get(key)?.(message);
      }
    } finally {
      this.#waiting = false;
      if (this.#port !== undefined) kernel32.call("CloseHandle", this.#port);
      this.#port = undefined;
    }
  }

  #wake(): void {
    if (this.#waiting && this.#port !== undefined)
      processes.call("PostQueuedCompletionStatus", this.#port, 0, WAKE_KEY, 0);
  }
}
