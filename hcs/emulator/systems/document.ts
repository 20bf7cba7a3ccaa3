/**
 * What the emulator takes as a compute system document, checked as HCS checks it: an unknown member, a wrong type or
 * an unknown schema version is invalid JSON to it, a value out of its range an invalid argument. What Windows knows
 * and the emulator does not provide is refused as not supported, never ignored.
 */
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { ComputeSystemDocument } from "../../schema/compute-system.ts";
import { FULL_LIMIT } from "../cgroup/limits.ts";
import {
  boolean,
  checkShape,
  choice,
  describeViolation,
  integer,
  list,
  map,
  nonEmptyString,
  object,
  required,
  string,
  unsupported,
  type Members,
  type Shape,
  type ViolationKind,
} from "../shape.ts";

const GUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const GUID_NAME = "a GUID without braces";

const NO_WINDOWS = "the emulator runs Linux utility VMs only";
const NO_DEVICE = "the emulator has no such device";
const NO_STATE = "the emulator does not save or restore the state of a VM";
export const NO_PROCESSOR_CONTROL =
  "the emulator limits and weighs processor time, it cannot reserve it or change its frequency";
const NO_NUMA = "the emulator does not place memory or processors";

/** Every name of `names` with the same reason. */
function allUnsupported(reason: string, ...names: readonly string[]): Members {
  return Object.fromEntries(names.map((name) => [name, unsupported(reason)]));
}

const MEMORY = object({
  SizeInMB: required(integer({ min: 2, max: 0xffff_ffff, multipleOf: 2 })),
  AllowOvercommit: boolean,
  EnableDeferredCommit: boolean,
  EnableColdDiscardHint: boolean,
  EnableHotHint: boolean,
  LowMmioGapInMB: integer(),
  HighMmioBaseInMB: integer(),
  HighMmioGapInMB: integer(),
  ...allUnsupported(NO_NUMA, "SlitType", "Backing"),
});

const PROCESSOR = object({
  Count: required(integer({ min: 1, max: 2048 })),
  Limit: integer({ max: FULL_LIMIT }),
  Weight: integer({ max: 10_000 }),
  Reservation: unsupported(NO_PROCESSOR_CONTROL),
  ...allUnsupported(NO_NUMA, "CpuGroup", "NumaProcessorsSettings"),
});

/** `Attachments/<lun>` of a SCSI controller. */
export const SCSI_ATTACHMENT: Shape = object({
  Path: required(nonEmptyString),
  Type: required(choice("VirtualDisk", "PassThru", "ExtensibleVirtualDisk")),
  ReadOnly: boolean,
  ExtensibleVirtualDiskType: unsupported("the emulator has no extensible virtual disks"),
});

/** `Devices/<n>` of the persistent memory controller. */
export const VPMEM_DEVICE: Shape = object({
  HostPath: required(nonEmptyString),
  ReadOnly: boolean,
  ImageFormat: choice("Vhd1", "Vhdx"),
});

const HV_SOCKET_SERVICE = object({
  BindSecurityDescriptor: string,
  ConnectSecurityDescriptor: string,
  AllowWildcardBinds: boolean,
  Disabled: boolean,
});

const HV_SOCKET = object({
  HvSocketConfig: required(
    object({
      DefaultBindSecurityDescriptor: string,
      DefaultConnectSecurityDescriptor: string,
      ServiceTable: map(GUID, GUID_NAME, HV_SOCKET_SERVICE),
    }),
  ),
});

const DECIMAL = /^\d+$/;
const DECIMAL_NAME = "a decimal number";

const DEVICES = object({
  HvSocket: HV_SOCKET,
  Plan9: object({ Shares: list(unsupported("shares are added to a system that exists")) }),
  Scsi: map(GUID, GUID_NAME, object({ Attachments: map(DECIMAL, DECIMAL_NAME, SCSI_ATTACHMENT) })),
  VirtualPMem: object({
    MaximumCount: integer({ max: 128 }),
    MaximumSizeBytes: integer({ multipleOf: 4096 }),
    Devices: map(DECIMAL, DECIMAL_NAME, VPMEM_DEVICE),
  }),
  VirtualSmb: unsupported(NO_WINDOWS),
  NetworkAdapters: unsupported("network adapters are added to a system that exists"),
  ...allUnsupported(
    NO_DEVICE,
    "Battery",
    "ComPorts",
    "EnhancedModeVideo",
    "FlexibleIov",
    "GuestCrashReporting",
    "Keyboard",
    "Licensing",
    "Mouse",
    "SharedMemory",
    "VideoMonitor",
    "VirtualPci",
  ),
});

const VIRTUAL_MACHINE = object({
  StopOnReset: boolean,
  Chipset: required(
    object({
      LinuxKernelDirect: object({
        KernelFilePath: required(nonEmptyString),
        InitRdPath: nonEmptyString,
        KernelCmdLine: string,
      }),
      Uefi: unsupported("the emulator starts Linux kernels directly (LinuxKernelDirect)"),
    }),
  ),
  ComputeTopology: required(
    object({ Memory: required(MEMORY), Processor: required(PROCESSOR), Numa: unsupported(NO_NUMA) }),
  ),
  Devices: DEVICES,
  StorageQoS: object({ IopsMaximum: integer(), BandwidthMaximum: integer() }),
  RegistryChanges: unsupported(NO_WINDOWS),
  ...allUnsupported(NO_STATE, "DebugOptions", "GuestState", "RestoreState", "SecuritySettings", "Version"),
  GuestConnection: unsupported("the guest connection is made over HvSocket by the owner of the VM"),
  ResourcePartitionId: unsupported("the emulator has no resource partitions"),
});

const COMPUTE_SYSTEM = object({
  Owner: string,
  SchemaVersion: required(object({ Major: required(integer()), Minor: integer() })),
  ShouldTerminateOnLastHandleClosed: boolean,
  VirtualMachine: VIRTUAL_MACHINE,
  Container: unsupported(
    "the emulator runs no process-isolated Windows containers; it runs utility VMs for Linux containers",
  ),
  HostedSystem: unsupported("containers in a VM are created through its guest connection"),
  HostingSystemId: unsupported("containers in a VM are created through its guest connection"),
});

/** Newest schema version of the build that the emulator stands for. */
const SCHEMA = { major: 2, newestMinor: 5 } as const;

const HRESULTS: Readonly<Record<ViolationKind, number>> = {
  form: HRESULT.invalidJson,
  range: HRESULT.invalidArgument,
  unsupported: HRESULT.notSupported,
};

/**
 * Checks a value against `shape` for an operation.
 *
 * @throws {HcsError} with the code HCS would give; its detail names the JSON pointer, the rule and the value
 */
export function requireShape(value: unknown, shape: Shape, operation: string, target: string): void {
  const violation = checkShape(value, shape);
  if (violation === undefined) return;
  const detail = describeViolation(violation);
  throw new HcsError({ operation, target, hresult: HRESULTS[violation.kind], detail });
}

/** A document of which the emulator can make a system. */
export type VmDocument = ComputeSystemDocument & {
  VirtualMachine: {
    Chipset: { LinuxKernelDirect: { KernelFilePath: string; InitRdPath?: string } };
    ComputeTopology: {
      Memory: { SizeInMB: number };
      Processor: { Count: number; Limit?: number; Weight?: number };
    };
  };
};

/**
 * Checks the document of compute system `id`.
 *
 * @param hostProcessors logical processors of the host: a VM cannot have more
 * @throws {HcsError}
 */
export function requireVmDocument(
  document: ComputeSystemDocument,
  id: string,
  hostProcessors: number,
): asserts document is VmDocument {
  const refuse = (hresult: number, detail: string): never => {
    throw new HcsError({ operation: "create compute system", target: id, hresult, detail });
  };
  requireShape(document, COMPUTE_SYSTEM, "create compute system", id);
  const { Major, Minor = 0 } = document.SchemaVersion;
  if (Major !== SCHEMA.major || Minor > SCHEMA.newestMinor) {
    const known = `${SCHEMA.major}.0 to ${SCHEMA.major}.${SCHEMA.newestMinor}`;
    refuse(
      HRESULT.invalidJson,
      `/SchemaVersion must be from ${known}: ${JSON.stringify(document.SchemaVersion)}`,
    );
  }
  const machine = document.VirtualMachine;
  if (machine === undefined) return refuse(HRESULT.invalidJson, "/VirtualMachine is required");
  if (machine.Chipset?.LinuxKernelDirect === undefined) {
    refuse(
      HRESULT.invalidArgument,
      "/VirtualMachine/Chipset/LinuxKernelDirect is required: the VM has nothing to boot",
    );
  }
  const count = machine.ComputeTopology?.Processor?.Count ?? 0;
  if (count > hostProcessors) {
    const pointer = "/VirtualMachine/ComputeTopology/Processor/Count";
    refuse(
      HRESULT.invalidArgument,
      `${pointer} must be at most ${hostProcessors}, the processors of the host: ${count}`,
    );
  }
}
