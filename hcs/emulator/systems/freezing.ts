/** Pausing a VM, or one container in it: their processes are frozen, and looked after while they are. */
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { findGroup, freeze, isFrozen, thaw, thawTree } from "../cgroup/freezer.ts";
import { cgroupHierarchies } from "../cgroup/tree.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";
import { OPERATIONS } from "./states.ts";

export interface FreezingInit {
  /** Of the system. */
  readonly id: string;
  /** Of everything in the VM. */
  readonly cgroup: string;
  readonly worker: ProcessIdentity;
}

/** How often it is looked whether the worker of a frozen VM still runs, in milliseconds. */
const FROZEN_WATCH_MS = 200;

export class Freezing {
  readonly #init: FreezingInit;

  constructor(init: FreezingInit) {
    this.#init = init;
  }

  get isFrozen(): boolean {
    return isFrozen(this.#init.cgroup, cgroupHierarchies());
  }

  async freeze(signal: AbortSignal | undefined): Promise<void> {
    await this.#freeze(this.#init.cgroup, signal);
  }

  thaw(): void {
    thaw(this.#init.cgroup, cgroupHierarchies());
  }

  /** The VM and every container in it. */
  thawAll(): void {
    thawTree(this.#init.cgroup, cgroupHierarchies());
  }

  /** @throws {HcsError} when there is no such container, or it is paused */
  async freezeHosted(containerId: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#freeze(this.#hosted("pauseHosted", containerId, false), signal);
  }

  /** @throws {HcsError} when there is no such container, or it is not paused */
  thawHosted(containerId: string): void {
    thaw(this.#hosted("resumeHosted", containerId, true), cgroupHierarchies());
  }

  /**
   * Freezes a group, and looks after the worker until it is thawed: a worker that is killed is not gone before all
   * processes of its VM are, a frozen process does not go, and nothing else would tell that this is so.
   */
  async #freeze(group: string, signal: AbortSignal | undefined): Promise<void> {
    const { worker, cgroup } = this.#init;
    await freeze(group, cgroupHierarchies(), signal);
    const watch = setInterval(() => {
      const hierarchies = cgroupHierarchies();
      if (!isRunning(worker)) thawTree(cgroup, hierarchies);
      else if (isFrozen(group, hierarchies)) return;
      clearInterval(watch);
    }, FROZEN_WATCH_MS);
    watch.unref();
  }

  /** Cgroup of a container, which must be frozen or not as `frozen` says. */
  #hosted(operation: "pauseHosted" | "resumeHosted", containerId: string, frozen: boolean): string {
    const hierarchies = cgroupHierarchies();
    const group = findGroup(`${this.#init.cgroup}/pods`, containerId, hierarchies);
    const refuse = (hresult: number, state: string): HcsError =>
      new HcsError({
        operation: OPERATIONS[operation].phrase,
        target: this.#init.id,
        hresult,
        detail: `container "${containerId}" ${state}`,
      });
    if (group === undefined) throw refuse(HRESULT.systemNotFound, "does not exist");
    if (isFrozen(group, hierarchies) !== frozen)
      throw refuse(HRESULT.invalidState, frozen ? "is not paused" : "is paused");
    return group;
  }
}
