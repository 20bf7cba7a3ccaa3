/** The size of a process's console: what is wanted last is what it gets, one change after the other. */
export interface ConsoleSize {
  readonly height: number;
  readonly width: number;
}

export class Console {
  readonly #apply: (size: ConsoleSize) => Promise<void>;
  #wanted: ConsoleSize | undefined;
  #changing: Promise<void> | undefined;

  /** @param apply one change; never called while one is under way */
  constructor(apply: (size: ConsoleSize) => Promise<void>) {
    this.#apply = apply;
  }

  /** Settles when the console has this size, or a later one. */
  resize(size: ConsoleSize): Promise<void> {
    this.#wanted = size;
    return (this.#changing ??= this.#change().finally(() => (this.#changing = undefined)));
  }

  async #change(): Promise<void> {
    for (let size = this.#wanted; size !== undefined; size = this.#wanted) {
      this.#wanted = undefined;
      await this.#apply(size);
    }
  }
}
