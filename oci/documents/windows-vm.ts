/**
 * The document of a utility VM for Windows containers. Pure: decisions and facts in, document out.
 */
import { createHash } from "node:crypto";
import { WINDOWS_GUEST_SERVICE } from "../../hcs/schema/hv-socket.ts";
import type {
  ComputeSystemDocument,
  ComputeTopology,
  Devices,
  HvSocketServiceConfig,
  ScsiAttachment,
  VirtualMachine,
  VirtualSmb,
} from "../../hcs/schema/compute-system.ts";
import type { RegistryValue } from "../../hcs/schema/registry.ts";
import { shareOptions } from "../windows/vsmb-options.ts";
import { unlessEmpty, withoutZero } from "./omit.ts";
import { numaParts } from "./vm-numa.ts";
import { evenUp } from "./vm-options.ts";
import type { WindowsVmOptions } from "./windows-vm-options.ts";

/** What the VM boots from, on the host. */
export type WindowsVmBoot =
  | {
      readonly kind: "vmbfs";
      /** `UtilityVM\Files` of a base layer. */
      readonly osFiles: string;
      /** Its writable disk. */
      readonly scratch: string;
    }
  | {
      readonly kind: "block-cim";
      readonly scratch: string;
      readonly efi: string;
      readonly bootCim: string;
      readonly guestState: string;
      /** A directory with nothing in it: the one share such a VM has. */
      readonly emptyDirectory: string;
    };

export interface WindowsVmInputs {
  /** `<pod id>@vm`. */
  readonly id: string;
  /** Base name of the shim executable. */
  readonly owner: string;
  readonly options: WindowsVmOptions;
  readonly host: { readonly build: number; readonly logicalProcessors: number };
  readonly boot: WindowsVmBoot;
}

/** The only SCSI controller of a Windows VM. */
const WINDOWS_SCSI_CONTROLLER = "df6d0690-79e5-55b6-a5ec-c1e2f77f580a";
/** Only SYSTEM and administrators may use a Hyper-V socket towards the VM. */
const ADMINISTRATORS_ONLY = "D:P(A;;FA;;;SY)(A;;FA;;;BA)";
const BOOT_MANAGER = "\\EFI\\Microsoft\\Boot\\bootmgfw.efi";
const WINDOWS_SECURE_BOOT = "1734c6e8-3154-4dda-ba5f-a874cc483422";
const DIRECT_MAP_MB = 1024;
/** Name of the share the VM boots from. */
const OS_SHARE = "os";
const EMPTY_SHARE = "defaultEmptyShare";
const PLAIN_VERSION = { Major: 2, Minor: 1 };
const CONFIDENTIAL_VERSION = { Major: 2, Minor: 5 };
const CONFIDENTIAL_HARDWARE = { Major: 12 };

/** @throws {SpecError} when its virtual NUMA nodes cannot be */
export function windowsVmDocument(inputs: WindowsVmInputs): ComputeSystemDocument {
  const { owner, options } = inputs;
  return {
    Owner: owner,
    SchemaVersion: options.confidential === undefined ? PLAIN_VERSION : CONFIDENTIAL_VERSION,
    ShouldTerminateOnLastHandleClosed: true,
    VirtualMachine: virtualMachine(inputs),
  };
}

function virtualMachine(inputs: WindowsVmInputs): VirtualMachine {
  const { options, boot } = inputs;
  const { confidential } = options;
  return withoutZero({
    Version: confidential === undefined ? undefined : CONFIDENTIAL_HARDWARE,
    StopOnReset: true,
    Chipset: { Uefi: uefi(options) },
    ComputeTopology: topology(inputs),
    Devices: devices(inputs),
    GuestState:
      boot.kind === "vmbfs"
        ? undefined
        : { GuestStateFilePath: boot.guestState, GuestStateFileType: "BlockStorage" as const },
    SecuritySettings:
      confidential === undefined
        ? undefined
        : {
            Isolation: {
              IsolationType: confidential.isolationType,
              LaunchData: launchData(confidential.policy),
              HclEnabled: true,
            },
          },
    StorageQoS: unlessEmpty(
      withoutZero({ IopsMaximum: options.storageIops, BandwidthMaximum: options.storageBandwidth }),
    ),
    DebugOptions: options.dumpDirectory === "" ? undefined : debugOptions(inputs),
    RegistryChanges: withoutZero({ AddValues: registryValues(options) }),
    ResourcePartitionId: options.resourcePartitionId,
  });
}

function uefi({ confidential }: WindowsVmOptions): NonNullable<VirtualMachine["Chipset"]>["Uefi"] & object {
  if (confidential === undefined) return { BootThis: { DevicePath: BOOT_MANAGER, DeviceType: "VmbFs" } };
  return confidential.secureBoot
    ? { ApplySecureBootTemplate: "Apply", SecureBootTemplateId: WINDOWS_SECURE_BOOT }
    : { ApplySecureBootTemplate: "Skip" };
}

function topology({ options, host }: WindowsVmInputs): ComputeTopology {
  const memoryMb = evenUp(options.memoryMb);
  const processorCount = Math.min(options.processorCount, host.logicalProcessors);
  const numa = numaParts(options.numa, {
    build: host.build,
    processorCount,
    memoryMb,
    allowOvercommit: options.allowOvercommit,
  });
  return withoutZero({
    Memory: withoutZero({
      SizeInMB: memoryMb,
      AllowOvercommit: options.allowOvercommit,
      // Memory that can be given back is worth a hint which of it is in use.
      EnableHotHint: options.allowOvercommit,
      EnableDeferredCommit: options.deferredCommit,
      LowMmioGapInMB: options.lowMmioGapMb,
      HighMmioBaseInMB: options.highMmioBaseMb,
      HighMmioGapInMB: options.highMmioGapMb,
      ...numa?.memory,
    }),
    Processor: withoutZero({
      Count: processorCount,
      Limit: options.processorLimit,
      Weight: options.processorWeight,
      CpuGroup: options.cpuGroupId === "" ? undefined : { Id: options.cpuGroupId },
      ...numa?.processor,
    }),
    Numa: numa?.numa,
  });
}

function devices(inputs: WindowsVmInputs): Devices {
  const { options } = inputs;
  return withoutZero({
    ComPorts: options.consolePipe === "" ? undefined : { "0": { NamedPipe: options.consolePipe } },
    GuestCrashReporting:
      options.dumpDirectory === ""
        ? undefined
        : {
            WindowsCrashSettings: {
              DumpFileName: dumpFile(inputs, "windows-crash"),
              DumpType: "Full" as const,
            },
          },
    HvSocket: {
      HvSocketConfig: withoutZero({
        DefaultBindSecurityDescriptor: ADMINISTRATORS_ONLY,
        ServiceTable: unlessEmpty(serviceTable(options)),
      }),
    },
    Scsi: { [WINDOWS_SCSI_CONTROLLER]: { Attachments: bootDisks(inputs) } },
    VirtualSmb: virtualSmb(inputs),
  });
}

function serviceTable(options: WindowsVmOptions): Record<string, HvSocketServiceConfig> {
  const log: HvSocketServiceConfig = {
    BindSecurityDescriptor: ADMINISTRATORS_ONLY,
    ConnectSecurityDescriptor: ADMINISTRATORS_ONLY,
    AllowWildcardBinds: true,
  };
  const asked = Object.entries(options.hvSocketServices).map(([id, config]) => [id, withoutZero(config)]);
  return {
    ...(Object.fromEntries(asked) as Record<string, HvSocketServiceConfig>),
    ...(options.logForwarding ? { [WINDOWS_GUEST_SERVICE.log]: log } : {}),
  };
}

/** By LUN. The scratch has to be the first. */
function bootDisks({ boot, options }: WindowsVmInputs): Record<string, ScsiAttachment> {
  const disk = (path: string, readOnly: boolean): ScsiAttachment =>
    withoutZero({ Type: "VirtualDisk" as const, Path: path, ReadOnly: readOnly });
  if (boot.kind === "vmbfs") return { "0": disk(boot.scratch, false) };
  return {
    "0": disk(boot.scratch, false),
    "1": disk(boot.efi, !options.writableEfi),
    "2": disk(boot.bootCim, true),
  };
}

function virtualSmb({ boot, options }: WindowsVmInputs): VirtualSmb {
  const share =
    boot.kind === "vmbfs"
      ? {
          Name: OS_SHARE,
          Path: boot.osFiles,
          Options: {
            ...shareOptions({ readOnly: true, noDirectMap: options.noDirectMap || options.physicallyBacked }),
            TakeBackupPrivilege: true,
          },
        }
      : {
          Name: EMPTY_SHARE,
          Path: boot.emptyDirectory,
          Options: { ReadOnly: true, ShareRead: true, NoOplocks: true },
        };
  return { DirectFileMappingInMB: DIRECT_MAP_MB, Shares: [share] };
}

function debugOptions(inputs: WindowsVmInputs): VirtualMachine["DebugOptions"] {
  return {
    BugcheckSavedStateFileName: dumpFile(inputs, "savedstate.vmrs"),
    BugcheckNoCrashdumpSavedStateFileName: dumpFile(inputs, "savedstate_nocrashdump.vmrs"),
  };
}

function dumpFile({ id, options }: WindowsVmInputs, name: string): string {
  return `${options.dumpDirectory.replace(/[\\/]+$/, "")}\\${id}-${name}`;
}

function registryValues(options: WindowsVmOptions): RegistryValue[] {
  const dumps: readonly RegistryValue[] = [
    dword("System", "ControlSet001\\Services\\WerSvc", "Start", 2),
    dword("Software", "Microsoft\\Windows\\Windows Error Reporting", "Disabled", 1),
  ];
  const namespaces = dword("System", "CurrentControlSet\\Services\\gns", "EnableCompartmentNamespace", 1);
  return [
    ...(options.processDumpLocation === "" ? [] : dumps),
    ...(options.disableCompartmentNamespace ? [] : [namespaces]),
    ...options.additionalRegistryValues,
  ];
}

function dword(Hive: "System" | "Software", key: string, Name: string, DWordValue: number): RegistryValue {
  return { Key: { Hive, Name: key }, Name, Type: "DWord", DWordValue };
}

/** What the hardware attests about a confidential VM: the digest of its policy. */
function launchData(policy: string): string {
  return createHash("sha256").update(Buffer.from(policy, "base64")).digest("base64");
}
