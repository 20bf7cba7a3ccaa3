/** The listeners that a guest dials while it boots. */
import type { HvSocketListener } from "../../../../hcs/api.ts";
import { closeListener } from "../../../../hcs/guest/accept.ts";
import type { BootingVm } from "./boot.ts";

export class BootListeners {
  readonly #vm: BootingVm;
  readonly #signal: AbortSignal;
  readonly #opened: HvSocketListener[] = [];

  constructor(vm: BootingVm, signal: AbortSignal) {
    this.#vm = vm;
    this.#signal = signal;
  }

  /** On failure all that were opened before are closed. */
  async open(serviceId: string): Promise<HvSocketListener> {
    try {
      const listener = await this.#vm.listen(serviceId, { signal: this.#signal });
      this.#opened.push(listener);
      return listener;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((listener) => closeListener(listener, this.#vm.id)));
  }
}
