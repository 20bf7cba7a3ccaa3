/** A utility VM, as a handle sees it: what is in it is its guest's business. */
import type { ComputeSystemState, HcsProcess } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { ModifySettingRequest } from "../../schema/modify.ts";
import type { PropertyQuery, SystemProperties } from "../../schema/properties.ts";
import { cgroupHierarchies } from "../cgroup/tree.ts";
import type { VmDocument } from "./document.ts";
import type { SystemKind } from "./kind.ts";
import { modifySystem, type ModifiedSystem } from "./modify.ts";
import { systemProperties } from "./system-properties.ts";

export interface VmInit extends Omit<ModifiedSystem, "hierarchies" | "machine"> {
  readonly owner: string;
  readonly runtimeId: string;
  readonly document: VmDocument;
}

export class VmKind implements SystemKind {
  readonly noPause = undefined;
  readonly #init: VmInit;

  constructor(init: VmInit) {
    this.#init = init;
  }

  afterStart(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    const detail = "a VM whose guest connection its owner holds can only be terminated";
    return Promise.reject(this.#unsupported("shut down compute system", detail));
  }

  terminate(): Promise<boolean> {
    return Promise.resolve(false);
  }

  modify(request: ModifySettingRequest): Promise<void> {
    const { document, ...system } = this.#init;
    const machine = document.VirtualMachine;
    return modifySystem({ ...system, machine, hierarchies: cgroupHierarchies() }, request);
  }

  properties(
    query: PropertyQuery,
    state: ComputeSystemState,
    startedAt: string | undefined,
  ): Promise<SystemProperties> {
    const { id, owner, runtimeId, cgroup, document } = this.#init;
    const { Chipset, ComputeTopology } = document.VirtualMachine;
    const described = {
      ...{ id, owner, runtimeId, state, cgroup, startedAt },
      guestOs: Chipset.Uefi === undefined ? ("Linux" as const) : ("Windows" as const),
      memoryMb: ComputeTopology.Memory.SizeInMB,
      hierarchies: cgroupHierarchies(),
    };
    return Promise.resolve().then(() => systemProperties(described, query));
  }

  createProcess(): Promise<HcsProcess> {
    return Promise.reject(this.#noProcesses("create process in compute system"));
  }

  openProcess(): Promise<HcsProcess> {
    return Promise.reject(this.#noProcesses("open process in compute system"));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #noProcesses(operation: string): HcsError {
    return this.#unsupported(operation, "processes in a VM are created through its guest connection");
  }

  #unsupported(operation: string, detail: string): HcsError {
    return new HcsError({ operation, target: this.#init.id, hresult: HRESULT.notSupported, detail });
  }
}
