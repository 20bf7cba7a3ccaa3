/**
 * What a task's container uses: its processes and statistics, asked of the platform with the last answer as the
 * fallback, and the watch for processes that were killed for lack of memory.
 */
import type { GuestProperties } from "../../hcs/guest/properties.ts";
import type { ProcessListEntry } from "../../hcs/schema/properties.ts";
import type { Phases } from "../phases/phases.ts";
import type { TaskContainer, TaskUsage, VmUsage } from "./container.ts";

export interface UsageContext {
  readonly container: TaskContainer;
  phases(verb: string): Phases;
  /** More processes than before were killed for lack of memory. */
  onOom(): void;
  report(message: string, error: unknown): void;
}

export class Usage {
  readonly #context: UsageContext;
  #oomKills = 0;
  #sampling: Promise<TaskUsage> | undefined;
  #lastSample: TaskUsage = {};

  constructor(context: UsageContext) {
    this.#context = context;
  }

  /** Every process in the container; undefined when nobody answered. */
  async processes(): Promise<readonly ProcessListEntry[] | undefined> {
    try {
      const properties = await this.#context
        .phases("pids")
        .run("query", (signal) => this.#context.container.properties(["ProcessList"], signal));
      return properties.ProcessList ?? [];
    } catch (error) {
      this.#context.report("the process list was not answered, pids are those this shim started", error);
      return undefined;
    }
  }

  /** A fresh sample; one question to the guest serves all who ask at the same time. */
  sample(): Promise<TaskUsage> {
    this.#sampling ??= this.#take().finally(() => (this.#sampling = undefined));
    return this.#sampling;
  }

  /** The last sample, for times when nothing can be asked. Empty before the first. */
  get lastSample(): TaskUsage {
    return this.#lastSample;
  }

  /** After a process was killed: was it for lack of memory? */
  async checkOom(): Promise<void> {
    try {
      const properties = await this.#context
        .phases("exit")
        .run("oom-check", (signal) => this.#context.container.properties(["Statistics"], signal));
      this.#notice(properties);
    } catch (error) {
      this.#context.report("cannot tell whether the container ran out of memory", error);
    }
  }

  async #take(): Promise<TaskUsage> {
    const { container } = this.#context;
    try {
      this.#lastSample = await this.#context.phases("stats").run("query", async (signal) => {
        const properties = await container.properties(["Statistics"], signal);
        const vm = await this.#takeVm(signal);
        return vm === undefined ? properties : { ...properties, vm };
      });
      this.#notice(this.#lastSample);
    } catch (error) {
      this.#context.report("statistics were not answered, the last ones are repeated", error);
    }
    return this.#lastSample;
  }

  async #takeVm(signal: AbortSignal): Promise<VmUsage | undefined> {
    try {
      return await this.#context.container.vmUsage?.(signal);
    } catch (error) {
      this.#context.report("statistics of the VM were not answered, the last ones are repeated", error);
      return this.#lastSample.vm;
    }
  }

  #notice(properties: GuestProperties): void {
    const kills = Number(properties.LCOWMetrics?.memory_oom_control?.oom_kill ?? 0);
    if (kills > this.#oomKills) this.#context.onOom();
    this.#oomKills = kills;
  }
}
