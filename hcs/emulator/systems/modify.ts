/** What HcsModifyComputeSystem can change of a VM: a table of resource paths and the requests each takes. */
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import {
  MEMORY_SIZE,
  PLAN9_SHARES,
  PROCESSOR_LIMITS,
  VSMB_SHARES,
  type ModifySettingRequest,
  type ProcessorLimits,
} from "../../schema/modify.ts";
import { FULL_LIMIT, limitCgroup, type VmTopology } from "../cgroup/limits.ts";
import { cgroupUsage } from "../cgroup/statistics.ts";
import type { CgroupHierarchy } from "../cgroup/tree.ts";
import { NO_PROCESSOR_CONTROL, requireShape, type VmDocument } from "./document.ts";
import { addNetworkAdapter, removeNetworkAdapter } from "../network/adapters.ts";
import type { EmulatedNetwork } from "../network/network.ts";
import {
  addScsiDisk,
  addVpmemDevice,
  addVpmemMapping,
  removeDisk,
  scsiName,
  vpmemName,
} from "../storage/disks.ts";
import { addPlan9Share, removePlan9Share, type ModifyTarget } from "../storage/plan9-shares.ts";
import { addVsmbShare, removeVsmbShare, updateVsmbShare } from "../storage/vsmb-shares.ts";
import { any, choice, integer, nonEmptyString, object, required, unsupported } from "../shape.ts";
import { removePipe, sharePipe, type PipeUser } from "./pipe-shares.ts";
import { OPERATIONS } from "./states.ts";

/** The parts of a system that can be modified. */
export interface ModifiedSystem extends PipeUser {
  readonly id: string;
  readonly cgroup: string;
  /** Of its document. */
  readonly machine: VmDocument["VirtualMachine"];
  readonly network: EmulatedNetwork;
  readonly hierarchies: readonly CgroupHierarchy[];
  readonly hostProcessors: number;
}

const REQUEST = object({
  ResourcePath: required(nonEmptyString),
  RequestType: choice("Add", "Remove", "Update"),
  Settings: any,
  GuestRequest: unsupported("requests to the guest go through its guest connection"),
});

const MEMORY_SETTINGS = integer({ min: 2, max: 0xffff_ffff, multipleOf: 2 });
const PROCESSOR_SETTINGS = object({
  Limit: integer({ max: FULL_LIMIT }),
  Weight: integer({ max: 10_000 }),
  Reservation: unsupported(NO_PROCESSOR_CONTROL),
  MaximumFrequencyMHz: unsupported(NO_PROCESSOR_CONTROL),
});

type Handler = (
  system: ModifiedSystem,
  settings: unknown,
  target: ModifyTarget,
  /** Variable parts of the resource path. */
  ...names: string[]
) => void | Promise<void>;

/** By request type; `Set` is a request without one. */
type Requests = Partial<Record<"Add" | "Remove" | "Update" | "Set", Handler>>;

const setMemory: Handler = (system, settings, { operation, id }) => {
  requireShape(settings, MEMORY_SETTINGS, operation, id);
  const memoryMb = settings as number;
  const refuse = (cause?: unknown): never => {
    const detail = `the VM uses more memory than ${memoryMb} MiB`;
    throw new HcsError({ operation, target: id, hresult: HRESULT.noSystemResources, detail, cause });
  };
  // Not left to the kernel: cgroup v2 takes any limit, and kills processes until it is kept.
  const { anonymous } = cgroupUsage(system.cgroup, system.hierarchies).memory;
  if (anonymous > memoryMb * 1024 ** 2) refuse();
  try {
    setLimits(system, { memoryMb });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
    refuse(error);
  }
};

const setProcessors: Handler = (system, settings, { operation, id }) => {
  requireShape(settings, PROCESSOR_SETTINGS, operation, id);
  const { Limit = 0, Weight = 0 } = settings as ProcessorLimits;
  const processors = { count: system.machine.ComputeTopology.Processor.Count, limit: Limit, weight: Weight };
  setLimits(system, { processors });
};

const RESOURCES: readonly { readonly path: RegExp; readonly requests: Requests }[] = [
  {
    path: exactly(PLAN9_SHARES),
    requests: {
      Add: ({ paths }, settings, target) => addPlan9Share(paths, settings, target),
      Remove: ({ paths }, settings, target) => removePlan9Share(paths, settings, target),
    },
  },
  {
    path: exactly(VSMB_SHARES),
    requests: {
      Add: ({ paths }, settings, target) => addVsmbShare(paths, settings, target),
      Update: ({ paths }, settings, target) => updateVsmbShare(paths, settings, target),
      Remove: ({ paths }, settings, target) => removeVsmbShare(paths, settings, target),
    },
  },
  {
    path: /^VirtualMachine\/Devices\/NetworkAdapters\/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$/,
    requests: {
      Add: ({ paths, network }, settings, target, nic) =>
        addNetworkAdapter(paths, nic, settings, network, target),
      Remove: ({ paths }, settings, target, nic) => removeNetworkAdapter(paths, nic, settings, target),
    },
  },
  {
    path: /^VirtualMachine\/Devices\/Scsi\/([^/]+)\/Attachments\/(\d+)$/,
    requests: {
      Add: ({ paths, machine }, settings, target, controller = "", lun = "") =>
        addScsiDisk(paths, machine.Devices ?? {}, { controller, lun: Number(lun) }, settings, target),
      Remove: ({ paths }, _, target, controller = "", lun = "") =>
        removeDisk(paths, scsiName(controller, Number(lun)), target),
    },
  },
  {
    path: /^VirtualMachine\/Devices\/VirtualPMem\/Devices\/(\d+)$/,
    requests: {
      Add: ({ paths, machine }, settings, target, device) =>
        addVpmemDevice(paths, machine.Devices ?? {}, Number(device), settings, target),
      Remove: ({ paths }, _, target, device) => removeDisk(paths, vpmemName(Number(device)), target),
    },
  },
  {
    path: /^VirtualMachine\/Devices\/VirtualPMem\/Devices\/(\d+)\/Mappings\/(\d+)$/,
    requests: {
      Add: ({ paths, machine }, settings, target, device, offset) =>
        addVpmemMapping(
          paths,
          machine.Devices ?? {},
          { device: Number(device), offset: Number(offset) },
          settings,
          target,
        ),
      Remove: ({ paths }, _, target, device, offset) =>
        removeDisk(paths, vpmemName(Number(device), Number(offset)), target),
    },
  },
  {
    path: /^VirtualMachine\/Devices\/MappedPipes\/(.+)$/s,
    requests: {
      Add: (system, _, target, hostPath = "") => void sharePipe(system, hostPath, target),
      Remove: (system, _, target, hostPath = "") => removePipe(system, hostPath, target),
    },
  },
  { path: exactly(MEMORY_SIZE), requests: { Set: setMemory, Update: setMemory } },
  { path: exactly(PROCESSOR_LIMITS), requests: { Set: setProcessors, Update: setProcessors } },
];

/** Carries out `request`. */
export async function modifySystem(system: ModifiedSystem, request: ModifySettingRequest): Promise<void> {
  const { id } = system;
  const operation = OPERATIONS.modify.phrase;
  const refuse = (detail: string): never => {
    throw new HcsError({ operation, target: id, hresult: HRESULT.notSupported, detail });
  };
  requireShape(request, REQUEST, operation, id);
  const { ResourcePath, RequestType = "Set", Settings } = request;
  const resource = RESOURCES.find(({ path }) => path.test(ResourcePath));
  if (resource === undefined) return refuse(`the emulator has no resource "${ResourcePath}"`);
  const handler = resource.requests[RequestType];
  if (handler === undefined) {
    return refuse(
      `resource "${ResourcePath}" takes ${Object.keys(resource.requests).join(", ")}, not ${RequestType}`,
    );
  }
  const names = resource.path.exec(ResourcePath)?.slice(1) ?? [];
  await handler(system, Settings, { operation, id }, ...names.map((name) => name.toLowerCase()));
}

function setLimits({ cgroup, hierarchies, hostProcessors }: ModifiedSystem, topology: VmTopology): void {
  limitCgroup(cgroup, topology, hierarchies, hostProcessors);
}

function exactly(path: string): RegExp {
  return new RegExp(`^${path}$`);
}
