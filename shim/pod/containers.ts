/**
 * What isolates the containers of a pod: a utility VM with a Linux or a Windows guest, or the host itself. A pod has one
 * implementation of {@link PodContainers}, chosen by its sandbox's request; nothing else knows the platform.
 */
import type { Isolation } from "../../oci/isolation.ts";
import type { Phases } from "../phases/phases.ts";
import type { Holdings } from "../resources/holdings.ts";
import type { TaskContainer } from "../task/container.ts";
import type { VmAgents } from "./agent/agents.ts";
import type { PhasesOf } from "./create-task.ts";
import type { PodEnvironment } from "./environment.ts";
import { HostProcessContainers } from "./host-process/containers.ts";
import { LinuxVmContainers } from "./linux-vm/containers.ts";
import type { CreateRequest } from "./request.ts";
import type { Uvm } from "./vm/uvm.ts";
import { WindowsHostContainers } from "./windows-host/containers.ts";
import { WindowsVmContainers } from "./windows-vm/containers.ts";

/** Where a task's things go, and how its waits are counted. */
export interface CreateContext {
  readonly holdings: Holdings;
  readonly phasesOf: PhasesOf;
}

/** The pod, as what is below it may use it. */
export interface PodView {
  readonly id: string;
  readonly environment: PodEnvironment;
  /** Ends all workloads, before what they live in goes. */
  stopWorkloads(phases: Phases): Promise<void>;
  report(message: string, error: unknown): void;
}

export interface PodContainers {
  /** The pod's VM from its creation on; always undefined where the host itself isolates. */
  readonly uvm: Uvm | undefined;
  /** Otherwise the process of the sandbox is made up, and has no streams. */
  sandboxHasProcess(request: CreateRequest): boolean;
  /** The container of the sandbox, or of a task that is no part of a pod, with all that its pod needs. */
  createSandbox(request: CreateRequest, context: CreateContext): Promise<TaskContainer>;
  createWorkload(request: CreateRequest, context: CreateContext): Promise<TaskContainer>;
  /** The agents in its VM. Absent where there is none, or it is not yet. */
  readonly agents?: VmAgents | undefined;
  /** Brings a directory or file of the host into the VM, until the VM ends. Absent where there is none. */
  shareIntoVm?(share: HostShare, context: CreateContext): Promise<void>;
}

export interface HostShare {
  readonly hostPath: string;
  /** Where the guest sees it; of a file in a Linux guest, its directory. */
  readonly guestPath: string;
  readonly readOnly: boolean;
}

const IMPLEMENTATIONS: Readonly<Record<Isolation, new (pod: PodView) => PodContainers>> = {
  "linux-vm": LinuxVmContainers,
  "windows-vm": WindowsVmContainers,
  "windows-host": WindowsHostContainers,
  "host-process": HostProcessContainers,
};

export function podContainers(isolation: Isolation, pod: PodView): PodContainers {
  return new IMPLEMENTATIONS[isolation](pod);
}
