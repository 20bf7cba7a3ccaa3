/** The container of a task that has ended under an earlier process: there is nothing to be done with it but to let go. */
import type { GuestProperties } from "../../hcs/guest/properties.ts";
import { ShimError } from "../errors.ts";
import type { Phases } from "../phases/phases.ts";
import type { Holdings } from "../resources/holdings.ts";
import type { Reclaimers } from "../resources/reclaim.ts";
import type { TaskContainer } from "../task/container.ts";

export class EndedContainer implements TaskContainer {
  readonly os = "linux";
  readonly canSignal = false;
  readonly #id: string;
  readonly #holdings: Holdings;
  readonly #reclaimers: () => Promise<Reclaimers>;

  /** @param holdings with what the earlier process held */
  constructor(id: string, holdings: Holdings, reclaimers: () => Promise<Reclaimers>) {
    this.#id = id;
    this.#holdings = holdings;
    this.#reclaimers = reclaimers;
  }

  createInit(): Promise<never> {
    return this.#refuse("start");
  }

  createExec(): Promise<never> {
    return this.#refuse("start a process in");
  }

  properties(): Promise<GuestProperties> {
    return Promise.resolve({});
  }

  update(): Promise<never> {
    return this.#refuse("update");
  }

  pause(): Promise<never> {
    return this.#refuse("pause");
  }

  resume(): Promise<never> {
    return this.#refuse("resume");
  }

  terminate(): Promise<void> {
    return Promise.resolve();
  }

  async teardown(phases: Phases): Promise<void> {
    await phases.run("layers-release", async () => this.#holdings.reclaimInherited(await this.#reclaimers()));
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  async #refuse(verb: string): Promise<never> {
    throw new ShimError(
      "VM_LOST",
      `cannot ${verb} task "${this.#id}": it ended with the process that had it`,
    );
  }
}
