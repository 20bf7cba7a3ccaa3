/**
 * Lanes: native calls that may take a while run on threads of libuv's pool, never on the event loop. The pool is small (four
 * threads unless UV_THREADPOOL_SIZE was set before the start) and serves the file system too, so each lane lets only
 * so many of its calls run at once; the rest wait in JavaScript, where they can be given up. A service that has stopped answering
 * thus blocks its own lane and nothing else.
 */

/** A native call that has not returned. */
export interface CallInFlight {
  readonly lane: string;
  readonly name: string;
  /** Milliseconds since the native function was entered. */
  readonly forMs: number;
}

interface Waiting {
  readonly start: () => void;
}

const lanes = new Set<Lane>();

/** Every native call of this process that is on a thread of the pool now. While there is one, Node cannot exit by itself. */
export function callsInFlight(): CallInFlight[] {
  return [...lanes].flatMap((lane) => lane.inFlight());
}

export class Lane {
  readonly name: string;
  readonly #width: number;
  readonly #running = new Map<symbol, { readonly name: string; readonly since: number }>();
  readonly #waiting = new Set<Waiting>();

  /** @param width how many calls run at once */
  constructor(name: string, width: number) {
    this.name = name;
    this.#width = width;
    lanes.add(this);
  }

  inFlight(): CallInFlight[] {
    const now = performance.now();
    return [...this.#running.values()].map(({ name, since }) => ({
      lane: this.name,
      name,
      forMs: now - since,
    }));
  }

  /**
   * Runs one call when there is room. A call whose signal fires while it waits never runs; once it runs it
   * is run to its end, because the callee writes to memory that the call handed over.
   *
   * @param begin starts the native call and tells `done` when it has returned
   * @throws the signal's reason when the call did not begin
   */
  run<T>(
    name: string,
    begin: (done: (error: Error | null, result: T) => void) => void,
    signal?: AbortSignal,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const key = Symbol(name);
      const giveUp = (): void => {
        this.#waiting.delete(waiting);
        reject(signal?.reason as Error);
      };
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener("abort", giveUp);
          this.#running.set(key, { name, since: performance.now() });
          const done = (error: Error | null, result: T): void => {
            this.#running.delete(key);
            this.#next();
            if (error === null) resolve(result);
            else reject(error);
          };
          try {
            begin(done);
          } catch (error) {
            done(error as Error, undefined as T);
          }
        },
      };
      if (signal?.aborted === true) return giveUp();
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#waiting.add(waiting);
      this.#next();
    });
  }

  #next(): void {
    for (const waiting of this.#waiting) {
      if (this.#running.size >= this.#width) return;
      this.#waiting.delete(waiting);
      waiting.start();
    }
  }
}
