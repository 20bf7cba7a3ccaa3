/**
 * A Windows container in process isolation, as a task needs it: a compute system on the host. Made of a spec and
 * layers, and taken apart again.
 */
import type { ComputeSystem, HcsProcess } from "../../../hcs/api.ts";
import type { GuestProperties } from "../../../hcs/guest/properties.ts";
import { CONTAINER_MAPPED_DIRECTORIES } from "../../../hcs/schema/container.ts";
import type { PropertyType } from "../../../hcs/schema/properties.ts";
import { SCHEMA_2_BUILD } from "../../../oci/documents/windows-container.ts";
import { SpecError } from "../../../oci/errors.ts";
import type { Process } from "../../../oci/spec.ts";
import { windowsProcessParameters } from "../../../oci/windows/process-parameters.ts";
import { ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import type { StreamFlags, TaskContainer } from "../../task/container.ts";
import { logWarnings } from "../warnings.ts";
import { updateWindowsContainer } from "../windows/update.ts";
import { setAffinity } from "./affinity.ts";
import { createSystem } from "./create-system.ts";
import { unlessStopped } from "./end.ts";
import type { RootInit } from "./layers.ts";
import { mappedDirectory } from "./mounts.ts";
import { SystemProcess } from "./process.ts";

export class HostContainer implements TaskContainer {
  readonly os = "windows";
  readonly #init: RootInit;
  readonly #system: ComputeSystem;

  private constructor(init: RootInit, system: ComputeSystem) {
    this.#init = init;
    this.#system = system;
  }

  /** What it had acquired when it fails is in the holdings. */
  static async create(init: RootInit, phases: Phases): Promise<HostContainer> {
    return new HostContainer(init, await createSystem(init, phases));
  }

  get #id(): string {
    return this.#init.request.id;
  }

  get canSignal(): boolean {
    return this.#init.pod.environment.host.build >= SCHEMA_2_BUILD;
  }

  async createInit(streams: StreamFlags, phases: Phases): Promise<HcsProcess> {
    const { process } = this.#init.request.spec;
    if (process === undefined)
      throw new SpecError({ at: "/process", rule: `must be present to start "${this.#id}"` });
    await phases.run("container-start", (signal) => this.#system.start({ signal }));
    return this.createExec(process, streams, phases);
  }

  createExec(process: Process, streams: StreamFlags, phases: Phases): Promise<HcsProcess> {
    const parameters = windowsProcessParameters(process, streams);
    return phases.run("process-create", async (signal) => {
      const created = await this.#system.createProcess(parameters, { signal });
      return new SystemProcess({
        systemId: this.#id,
        process: created,
        systems: this.#init.pod.environment.backend.computeSystems,
        terminateContainer: (budget) => this.#terminate(budget),
        report: (message, error) => this.#init.pod.report(message, error),
      });
    });
  }

  properties(types: PropertyType[], signal: AbortSignal): Promise<GuestProperties> {
    return this.#system.properties({ PropertyTypes: types }, { signal });
  }

  async update(
    kind: string,
    resources: unknown,
    _annotations: Readonly<Record<string, string>>,
    phases: Phases,
  ): Promise<void> {
    const { backend, host, logger } = this.#init.pod.environment;
    const target = {
      id: this.#id,
      build: host.build,
      processors: host.logicalProcessors,
      modify: (request: Parameters<ComputeSystem["modify"]>[0], signal: AbortSignal) =>
        this.#system.modify(request, { signal }),
      setAffinity: (affinity: Parameters<typeof setAffinity>[2], signal: AbortSignal) =>
        setAffinity(backend.jobs, this.#id, affinity, signal),
      addMount: async (mount: Parameters<typeof mappedDirectory>[0], signal: AbortSignal) => {
        const Settings = await mappedDirectory(mount, "resolved", backend.files, signal);
        const ResourcePath = CONTAINER_MAPPED_DIRECTORIES;
        await this.#system.modify({ ResourcePath, RequestType: "Add", Settings }, { signal });
      },
      warn: (warnings: Parameters<typeof logWarnings>[2]) => logWarnings(logger, this.#id, warnings),
    };
    await phases.run("update", (signal) => updateWindowsContainer(target, kind, resources, signal));
  }

  pause(): Promise<void> {
    return Promise.reject(this.#unsupported("pause"));
  }

  resume(): Promise<void> {
    return Promise.reject(this.#unsupported("resume"));
  }

  async terminate(phases: Phases): Promise<void> {
    await phases.run("container-terminate", async (signal) => {
      await this.#terminate(signal);
      await this.#system.exited;
    });
  }

  async #terminate(signal?: AbortSignal): Promise<void> {
    await unlessStopped(this.#system.terminate(signal === undefined ? {} : { signal }));
  }

  async teardown(phases: Phases): Promise<void> {
    await this.#end(phases);
    await phases.run("layers-release", (signal) => this.#init.holdings.end(signal));
  }

  /** What is left of the container ends too: first asked, then made to. */
  async #end(phases: Phases): Promise<void> {
    try {
      await phases.run("container-shutdown", async (signal) => {
        await unlessStopped(this.#system.shutdown({ signal }));
        await this.#system.exited;
      });
    } catch (error) {
      this.#init.pod.report("a container does not shut down, it is terminated", error);
      await this.terminate(phases);
    }
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  #unsupported(verb: string): ShimError {
    return new ShimError(
      "UNSUPPORTED",
      `cannot ${verb} "${this.#id}": containers on a Windows host do not pause`,
    );
  }
}
