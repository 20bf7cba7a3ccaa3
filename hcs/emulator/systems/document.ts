/**
 * What the emulator takes as a compute system document, checked as HCS checks it: an unknown member, a wrong type or
 * an unknown schema version is invalid JSON to it, a value out of its range an invalid argument. What Windows knows
 * and the emulator does not provide is refused as not supported, never ignored.
 */
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { ComputeSystemDocument } from "../../schema/compute-system.ts";
import type { WindowsContainer } from "../../schema/container.ts";
import { FULL_LIMIT } from "../cgroup/limits.ts";
import { REGISTRY_CHANGES, WINDOWS_CONTAINER } from "../windows/document.ts";
import {
  absolutePath,
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

const NO_DEVICE = "the emulator has no such device";
const NO_FIRMWARE = "the emulator has no firmware: it boots Windows from a share (BootThis)";
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

/** A share of a Windows VM, in its document or added later. */
export const VSMB_SHARE: Shape = object({
  Name: required(nonEmptyString),
  Path: required(nonEmptyString),
  AllowedFiles: list(nonEmptyString),
  Options: object({
    ReadOnly: boolean,
    ShareRead: boolean,
    CacheIo: boolean,
    NoOplocks: boolean,
    TakeBackupPrivilege: boolean,
    NoDirectmap: boolean,
    RestrictFileAccess: boolean,
    PseudoOplocks: boolean,
    SingleFileMapping: boolean,
  }),
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
  VirtualSmb: object({ DirectFileMappingInMB: integer(), Shares: list(VSMB_SHARE) }),
  ComPorts: object({
    0: object({ NamedPipe: required(absolutePath) }),
    ...allUnsupported("the emulator has one serial port", "1", "2", "3"),
  }),
  NetworkAdapters: unsupported("network adapters are added to a system that exists"),
  ...allUnsupported(
    NO_DEVICE,
    "Battery",
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
      Uefi: object({
        BootThis: required(
          object({
            DeviceType: required(choice("VmbFs")),
            DevicePath: required(nonEmptyString),
            VmbFsRootPath: string,
            OptionalData: string,
          }),
        ),
        ...allUnsupported(NO_FIRMWARE, "ApplySecureBootTemplate", "SecureBootTemplateId"),
      }),
    }),
  ),
  ComputeTopology: required(
    object({ Memory: required(MEMORY), Processor: required(PROCESSOR), Numa: unsupported(NO_NUMA) }),
  ),
  Devices: DEVICES,
  StorageQoS: object({ IopsMaximum: integer(), BandwidthMaximum: integer() }),
  RegistryChanges: REGISTRY_CHANGES,
  ...allUnsupported(NO_STATE, "DebugOptions", "GuestState", "RestoreState", "SecuritySettings", "Version"),
  GuestConnection: unsupported("the guest connection is made over HvSocket by the owner of the VM"),
  ResourcePartitionId: unsupported("the emulator has no resource partitions"),
});

const COMPUTE_SYSTEM = object({
  Owner: string,
  SchemaVersion: required(object({ Major: required(integer()), Minor: integer() })),
  ShouldTerminateOnLastHandleClosed: boolean,
  VirtualMachine: VIRTUAL_MACHINE,
  Container: WINDOWS_CONTAINER,
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

/** The document of a VM that the emulator can make. */
export type VmDocument = ComputeSystemDocument & {
  VirtualMachine: {
    Chipset: {
      LinuxKernelDirect?: { KernelFilePath: string; InitRdPath?: string };
      Uefi?: { BootThis: { DevicePath: string } };
    };
    ComputeTopology: {
      Memory: { SizeInMB: number };
      Processor: { Count: number; Limit?: number; Weight?: number };
    };
  };
};

/** … of a container on the host. */
export type ContainerDocument = ComputeSystemDocument & { Container: WindowsContainer };

export type SystemDocument = VmDocument | ContainerDocument;

export function isVm(document: SystemDocument): document is VmDocument {
  return document.VirtualMachine !== undefined;
}

/**
 * Checks the document of compute system `id`.
 *
 * @param hostProcessors logical processors of the host: a system cannot have more
 * @throws {HcsError}
 */
export function requireSystemDocument(
  document: ComputeSystemDocument,
  id: string,
  hostProcessors: number,
): SystemDocument {
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
  const { VirtualMachine: machine, Container } = document;
  if ((machine === undefined) === (Container === undefined))
    return refuse(HRESULT.invalidJson, "one of /VirtualMachine and /Container is required, and not both");
  const atMost = (pointer: string, count: number): void => {
    if (count <= hostProcessors) return;
    const detail = `${pointer} must be at most ${hostProcessors}, the processors of the host: ${count}`;
    refuse(HRESULT.invalidArgument, detail);
  };
  if (machine === undefined) {
    atMost("/Container/Processor/Count", Container?.Processor?.Count ?? 0);
    return document as ContainerDocument;
  }
  const { LinuxKernelDirect, Uefi } = machine.Chipset ?? {};
  if ((LinuxKernelDirect === undefined) === (Uefi === undefined)) {
    refuse(
      HRESULT.invalidArgument,
      "/VirtualMachine/Chipset must have LinuxKernelDirect (a Linux guest) or Uefi (a Windows guest), and not both: otherwise the VM has nothing to boot",
    );
  }
  atMost("/VirtualMachine/ComputeTopology/Processor/Count", machine.ComputeTopology?.Processor?.Count ?? 0);
  return document as VmDocument;
}
