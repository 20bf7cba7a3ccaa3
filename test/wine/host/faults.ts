/** What the host of the rig does to calls on purpose. */

export interface Fault {
  /** Name of the native function. */
  readonly function: string;
  /**
   * - `refuse`: the call itself fails with `hresult`
   * - `fail`: it is accepted, and its completion says `hresult`
   * - `withhold`: it is accepted and never completes, or its notification never comes
   * - `hang`: the call does not return
   */
  readonly action: "refuse" | "fail" | "withhold" | "hang";
  /** Unsigned 32 bits. */
  readonly hresult?: number;
  /** What the service says about it: the text of the result document. */
  readonly document?: string;
  /** Only the first `times` calls; all without it. */
  readonly times?: number;
}

/** The faults that are in force. */
export class Faults {
  readonly #rules: { readonly fault: Fault; left: number }[] = [];
  readonly #hanging: string[] = [];
  readonly #released: (() => void)[] = [];

  add(fault: Fault): void {
    this.#rules.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY });
  }

  /** What is to be done to the next call of this function; counts it. */
  take(name: string): Fault | undefined {
    const rule = this.#rules.find(({ fault, left }) => fault.function === name && left > 0);
    if (rule === undefined) return undefined;
    rule.left -= 1;
    return rule.fault;
  }

  /** Holds a call of this function back until {@link clear}. */
  hang(name: string): Promise<void> {
    this.#hanging.push(name);
    return new Promise((resolve) => this.#released.push(resolve));
  }

  /** Names of the functions whose calls are held back now. */
  get hanging(): readonly string[] {
    return this.#hanging;
  }

  /** No faults any more; what hangs goes on. */
  clear(): void {
    this.#rules.length = 0;
    this.#hanging.length = 0;
    for (const release of this.#released.splice(0)) release();
  }
}
