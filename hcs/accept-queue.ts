/** What has come and what waits for it, in order: the connections of a listener. */
import { abortable } from "./abortable.ts";
import { createDeferred, type Deferred } from "./deferred.ts";

export class AcceptQueue<T> {
  readonly #arrived: T[] = [];
  readonly #waiting = new Set<Deferred<T>>();
  readonly #discard: (unwanted: T) => void;
  #failure: { readonly error: unknown } | undefined;

  /** @param discard gets what nobody asks for any more */
  constructor(discard: (unwanted: T) => void) {
    this.#discard = discard;
  }

  /** Hands it to who has waited longest, or keeps it until somebody asks. */
  deliver(item: T): void {
    if (this.#failure !== undefined) {
      this.#discard(item);
      return;
    }
    const [longest] = this.#waiting;
    if (longest === undefined) {
      this.#arrived.push(item);
      return;
    }
    this.#waiting.delete(longest);
    longest.resolve(item);
  }

  /**
   * The next one. What comes for a caller that has given up meanwhile goes to the next.
   *
   * @throws what the queue was ended with
   */
  async next(signal: AbortSignal | undefined): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#arrived.length > 0) return this.#arrived.shift() as T;
    const waiting = createDeferred<T>();
    this.#waiting.add(waiting);
    try {
      return await abortable(waiting.promise, signal, (late) => this.deliver(late));
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  /** Everybody who waits, and everybody who asks later, is told `error`. */
  end(error: unknown): void {
    this.#failure ??= { error };
    for (const waiting of this.#waiting) waiting.reject(error);
    this.#waiting.clear();
    for (const unwanted of this.#arrived.splice(0)) this.#discard(unwanted);
  }
}
