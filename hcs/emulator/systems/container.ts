/** A Windows container on the host, as a handle sees it. */
import type { CallOptions, ComputeSystemState, HcsProcess } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { CONTAINER_MAPPED_DIRECTORIES, type MappedDirectory } from "../../schema/container.ts";
import type { ModifySettingRequest } from "../../schema/modify.ts";
import type { ProcessParameters } from "../../schema/process.ts";
import type { PropertyQuery, SystemProperties } from "../../schema/properties.ts";
import { cgroupStatistics } from "../cgroup/system-statistics.ts";
import { cgroupHierarchies, cgroupProcesses } from "../cgroup/tree.ts";
import { processList } from "../guest/windows/properties.ts";
import { choice, list, object } from "../shape.ts";
import type { ContainerSession } from "./container-session.ts";
import { requireShape } from "./document.ts";
import type { SystemKind } from "./kind.ts";
import { OPERATIONS } from "./states.ts";

export interface ContainerInit {
  readonly id: string;
  readonly owner: string;
  readonly runtimeId: string;
  readonly cgroup: string;
  /** Of the process that made the container; other processes have none. */
  readonly session: ContainerSession | undefined;
  /** Makes a directory of the host visible in the container's worker. @returns its path there */
  readonly share: (path: string, readOnly: boolean) => Promise<string>;
}

const QUERY = object({ PropertyTypes: list(choice("Statistics", "ProcessList")) });

export class ContainerKind implements SystemKind {
  readonly noPause = "containers on a Windows host do not pause";
  readonly #init: ContainerInit;

  constructor(init: ContainerInit) {
    this.#init = init;
  }

  async afterStart(options: CallOptions): Promise<void> {
    await this.#session("start compute system").start(options);
  }

  async shutdown(options: CallOptions): Promise<void> {
    const phrase = "shut down compute system";
    await this.#session(phrase).container(phrase).shutdown(options);
  }

  async terminate(): Promise<boolean> {
    const { session } = this.#init;
    if (session?.isStarted !== true) return false;
    await session.container("terminate compute system").terminate();
    return true;
  }

  async modify(request: ModifySettingRequest, options: CallOptions): Promise<void> {
    const phrase = OPERATIONS.modify.phrase;
    const container = this.#session(phrase).container(phrase);
    await container.modify(
      request.ResourcePath === CONTAINER_MAPPED_DIRECTORIES
        ? { ...request, Settings: await this.#shared(request.Settings as MappedDirectory) }
        : request,
      options,
    );
  }

  async #shared(mapped: MappedDirectory): Promise<MappedDirectory> {
    return { ...mapped, HostPath: await this.#init.share(mapped.HostPath, mapped.ReadOnly === true) };
  }

  async properties(
    query: PropertyQuery,
    state: ComputeSystemState,
    startedAt: string | undefined,
    options: CallOptions,
  ): Promise<SystemProperties> {
    const { id, owner, runtimeId, session } = this.#init;
    requireShape(query, QUERY, OPERATIONS.properties.phrase, id);
    const types = query.PropertyTypes ?? [];
    const basic: SystemProperties = {
      SystemType: "Container",
      RuntimeOsType: "Windows",
      Owner: owner,
      RuntimeId: runtimeId,
      State: state,
    };
    if (types.length === 0) return basic;
    if (session?.isStarted !== true) return { ...basic, ...this.#seenFromOutside(types, startedAt) };
    const { Statistics, ProcessList } = await session
      .container(OPERATIONS.properties.phrase)
      .properties({ PropertyTypes: types }, options);
    return {
      ...basic,
      ...(Statistics === undefined ? {} : { Statistics }),
      ...(ProcessList === undefined ? {} : { ProcessList }),
    };
  }

  /** Its processes are the host's. */
  #seenFromOutside(types: readonly string[], startedAt: string | undefined): SystemProperties {
    const pods = `${this.#init.cgroup}/pods/${this.#init.id}`;
    const hierarchies = cgroupHierarchies();
    return {
      ...(types.includes("Statistics") ? { Statistics: cgroupStatistics(pods, hierarchies, startedAt) } : {}),
      ...(types.includes("ProcessList")
        ? { ProcessList: processList(cgroupProcesses(pods, hierarchies), () => undefined) }
        : {}),
    };
  }

  async createProcess(parameters: ProcessParameters, options: CallOptions): Promise<HcsProcess> {
    const phrase = "create process in compute system";
    return this.#session(phrase).createProcess(phrase, parameters, options);
  }

  openProcess(processId: number): Promise<HcsProcess> {
    const phrase = "open process in compute system";
    return Promise.resolve().then(() => this.#session(phrase).openProcess(phrase, processId));
  }

  async close(): Promise<void> {
    await this.#init.session?.close();
  }

  #session(operation: string): ContainerSession {
    const { session, id } = this.#init;
    if (session !== undefined) return session;
    const detail = "the emulator lets only the process that made a container start, ask and change it";
    throw new HcsError({ operation, target: id, hresult: HRESULT.notSupported, detail });
  }
}
