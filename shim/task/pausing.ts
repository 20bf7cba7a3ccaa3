/** Whether a task is paused, and the way there and back. */
import { ShimError } from "../errors.ts";
import type { Phases } from "../phases/phases.ts";
import type { TaskContainer } from "./container.ts";
import type { Serial } from "./serial.ts";
import { SIGKILL } from "./signals.ts";

type PauseState = "running" | "pausing" | "paused";

export interface PausingInit {
  readonly taskId: string;
  readonly container: Pick<TaskContainer, "pause" | "resume">;
  /** Of the task: nothing is created in it while it is paused. */
  readonly serial: Serial;
  phases(verb: string): Phases;
  /** @throws {ShimError} WRONG_STATE unless the task runs */
  require(verb: "pause" | "resume"): void;
  onPaused(): void;
  onResumed(): void;
}

export class Pausing {
  readonly #init: PausingInit;
  #state: PauseState = "running";

  constructor(init: PausingInit) {
    this.#init = init;
  }

  get state(): PauseState {
    return this.#state;
  }

  get isAwake(): boolean {
    return this.#state === "running";
  }

  /** A paused guest answers nothing, and a frozen container starts nothing. @throws {ShimError} WRONG_STATE */
  requireAwake(verb: string): void {
    if (!this.isAwake) throw this.#wrongState(verb, "it is paused");
  }

  async pause(): Promise<void> {
    await this.#init.serial.run(async () => {
      this.#init.require("pause");
      this.requireAwake("pause");
      this.#state = "pausing";
      try {
        await this.#run("pause");
        this.#state = "paused";
      } catch (error) {
        this.#state = "running";
        throw error;
      }
      this.#init.onPaused();
    });
  }

  async resume(): Promise<void> {
    await this.#init.serial.run(async () => {
      this.#init.require("resume");
      if (this.#state !== "paused") throw this.#wrongState("resume", "it is not paused");
      await this.#run("resume");
      this.#state = "running";
      this.#init.onResumed();
    });
  }

  /** A frozen process ends by SIGKILL only when it is thawed; anything milder has to wait for Resume. */
  async wakeFor(signal: number): Promise<void> {
    if (this.isAwake) return;
    if (signal !== SIGKILL)
      throw this.#wrongState("kill", `it is paused, resume it first to send signal ${signal}`);
    await this.resume();
  }

  #run(verb: "pause" | "resume"): Promise<void> {
    const { container } = this.#init;
    return this.#init.phases(verb).run("pause", (signal) => container[verb](signal));
  }

  #wrongState(verb: string, why: string): ShimError {
    return new ShimError("WRONG_STATE", `cannot ${verb} task "${this.#init.taskId}": ${why}`);
  }
}
