/**
 * A sandbox that runs nothing: what a pod has where its containers need no process to hold their surroundings. Its
 * process is made up; it has pid 1, runs until it is killed with whatever signal, and then has ended with 0.
 */
import { createDeferred } from "../../../hcs/deferred.ts";
import type { HcsProcess, ProcessExit, SignalOutcome } from "../../../hcs/api.ts";
import type { GuestProperties } from "../../../hcs/guest/properties.ts";
import { ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { TaskContainer, VmUsage } from "../../task/container.ts";

const PID = 1;
/** Exit code of a sandbox whose surroundings are gone. */
const LOST = 1;

/** What differs by what the pod's containers run in. */
export interface SandboxRole {
  update: TaskContainer["update"];
  properties: TaskContainer["properties"];
  /** Absent: the pod has no VM. */
  readonly vmUsage?: TaskContainer["vmUsage"];
  /** The sandbox has ended; what ends with it? Called before its holdings are released. */
  onEnded(holdings: Holdings, phases: Phases): Promise<void>;
}

export class SandboxWithoutProcess implements TaskContainer {
  readonly os = "none";
  readonly canSignal = false;
  readonly #id: string;
  readonly #role: SandboxRole;
  readonly #holdings: Holdings;
  readonly #process = new MadeUpProcess();

  /** @param lost settles when what the pod's containers run in is gone: without it the sandbox has failed */
  constructor(id: string, role: SandboxRole, holdings: Holdings, lost?: Promise<unknown>) {
    this.#id = id;
    this.#role = role;
    this.#holdings = holdings;
    void lost?.then(() => this.#process.end(LOST));
  }

  createInit(): Promise<HcsProcess> {
    return Promise.resolve(this.#process);
  }

  createExec(): Promise<HcsProcess> {
    return Promise.reject(this.#unsupported("exec in"));
  }

  properties(
    types: Parameters<TaskContainer["properties"]>[0],
    signal: AbortSignal,
  ): Promise<GuestProperties> {
    return this.#role.properties(types, signal);
  }

  vmUsage(signal: AbortSignal): Promise<VmUsage | undefined> {
    return this.#role.vmUsage?.(signal) ?? Promise.resolve(undefined);
  }

  update(...args: Parameters<TaskContainer["update"]>): Promise<void> {
    return this.#role.update(...args);
  }

  pause(): Promise<void> {
    return Promise.reject(this.#unsupported("pause"));
  }

  resume(): Promise<void> {
    return Promise.reject(this.#unsupported("resume"));
  }

  terminate(): Promise<void> {
    this.#process.end(0);
    return Promise.resolve();
  }

  async teardown(phases: Phases): Promise<void> {
    await this.#role.onEnded(this.#holdings, phases);
    await phases.run("layers-release", (signal) => this.#holdings.end(signal));
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  #unsupported(verb: string): ShimError {
    return new ShimError("UNSUPPORTED", `cannot ${verb} sandbox "${this.#id}": it has no process`);
  }
}

class MadeUpProcess implements HcsProcess {
  readonly processId = PID;
  readonly stdio = {};
  readonly #exited = createDeferred<ProcessExit>();

  get exited(): Promise<ProcessExit> {
    return this.#exited.promise;
  }

  end(exitCode: number): void {
    this.#exited.resolve({ exitCode });
  }

  signal(): Promise<SignalOutcome> {
    return this.terminate();
  }

  terminate(): Promise<SignalOutcome> {
    this.end(0);
    return Promise.resolve("delivered");
  }

  resize(): Promise<void> {
    return Promise.resolve();
  }

  closeStdin(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
