/**
 * Work that is to succeed once: whoever asks while it is done, or was done, shares it. After a failure the next one who
 * asks makes another attempt.
 */
export class Attempt {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  run(): Promise<void> {
    this.#running ??= this.#work().catch((error: unknown) => {
      this.#running = undefined;
      throw error;
    });
    return this.#running;
  }
}
