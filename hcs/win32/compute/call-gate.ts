/** Counts native calls on one handle, so that it is closed only when none of them uses it any more. */
export class CallGate {
  #inside = 0;
  #waiting: (() => void)[] = [];

  /** Runs one call. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    this.#inside += 1;
    try {
      return await call();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) for (const proceed of this.#waiting.splice(0)) proceed();
    }
  }

  /** Resolves when no call is inside. */
  empty(): Promise<void> {
    if (this.#inside === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
