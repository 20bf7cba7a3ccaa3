/** Compute systems of this host, and the properties of the service that runs them. */
import type {
  CallOptions,
  ComputeSystem,
  ComputeSystems,
  ComputeSystemState,
  ComputeSystemSummary,
  EnumerationQuery,
} from "../../api.ts";
import { stringifyJson } from "../../json.ts";
import type { ComputeSystemDocument } from "../../schema/compute-system.ts";
import type { ContainerConfigurationV1 } from "../../schema/container.ts";
import type { PropertyQuery, ServiceProperties } from "../../schema/properties.ts";
import type { ModifyServiceRequest } from "../../schema/service.ts";
import { readList, readObject } from "./answers.ts";
import { Win32ComputeSystem } from "./compute-system.ts";
import { CoreCompute } from "./computecore/compute.ts";
import type { NativeCall, NativeCompute, NativeSystem } from "./native.ts";
import { VmCompute } from "./vmcompute/compute.ts";

/** Which DLL is used. */
export type ComputeLibrary = "computecore" | "vmcompute";

const STATES: readonly string[] = ["Created", "Running", "Paused", "Stopped"] satisfies ComputeSystemState[];

export class Win32ComputeSystems implements ComputeSystems {
  readonly #library: ComputeLibrary | undefined;
  #loaded: NativeCompute | undefined;

  /** @param library the newer one that this Windows has, unless one is named */
  constructor(library?: ComputeLibrary) {
    this.#library = library;
  }

  get #native(): NativeCompute {
    return (this.#loaded ??= this.#choose());
  }

  #choose(): NativeCompute {
    const library = this.#library ?? (CoreCompute.isAvailable() ? "computecore" : "vmcompute");
    return library === "computecore" ? new CoreCompute() : new VmCompute();
  }

  async create(
    id: string,
    document: ComputeSystemDocument | ContainerConfigurationV1,
    options?: CallOptions,
  ): Promise<ComputeSystem> {
    const call = callOf("create compute system", id, options);
    return this.#wrap(id, await this.#native.create(id, stringifyJson(document), call));
  }

  async open(id: string, options?: CallOptions): Promise<ComputeSystem> {
    const call = callOf("open compute system", id, options);
    return this.#wrap(id, await this.#native.open(id, call));
  }

  async enumerate(query: EnumerationQuery = {}, options?: CallOptions): Promise<ComputeSystemSummary[]> {
    const call = callOf("enumerate compute systems", undefined, options);
    const text = stringifyJson({ Ids: query.ids, Owners: query.owners });
    return readList(await this.#native.enumerate(text, call), call.attempt).map(readSummary);
  }

  /** HcsGetServiceProperties. */
  async serviceProperties(query: PropertyQuery, options?: CallOptions): Promise<ServiceProperties> {
    const call = callOf("query service properties", query.PropertyTypes?.join(", "), options);
    const answer = readObject(await this.#native.serviceProperties(stringifyJson(query), call), call.attempt);
    return { Properties: [], ...answer };
  }

  /** HcsModifyServiceSettings. */
  async modifyService(request: ModifyServiceRequest, options?: CallOptions): Promise<void> {
    const call = callOf("modify service settings", request.PropertyType, options);
    await this.#native.modifyService(stringifyJson(request), call);
  }

  #wrap(id: string, native: NativeSystem): ComputeSystem {
    return new Win32ComputeSystem(id, native, async () => (await this.enumerate({ ids: [id] })).length > 0);
  }
}

function callOf(operation: string, target: string | undefined, { signal }: CallOptions = {}): NativeCall {
  return {
    attempt: { operation, ...(target === undefined ? {} : { target }) },
    ...(signal === undefined ? {} : { signal }),
  };
}

/** An element of the list: `Id, Owner, SystemType, State, RuntimeId`; the id is `Name` on old builds. */
function readSummary(element: unknown): ComputeSystemSummary {
  const { Id, Name, Owner, SystemType, State, RuntimeId } = (element ?? {}) as Record<string, unknown>;
  const id = typeof Id === "string" ? Id : Name;
  return {
    id: typeof id === "string" ? id : "",
    owner: typeof Owner === "string" ? Owner : "",
    systemType: SystemType === "VirtualMachine" ? "VirtualMachine" : "Container",
    state: (STATES.find((state) => state === State) ?? "Stopped") as ComputeSystemState,
    ...(typeof RuntimeId === "string" ? { runtimeId: RuntimeId.toLowerCase() } : {}),
  };
}
