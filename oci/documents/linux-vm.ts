/**
 * The document of a utility VM for Linux containers. Pure: decisions and facts in, document out.
 */
import { createHash } from "node:crypto";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../hcs/schema/hv-socket.ts";
import type {
  Chipset,
  ComputeSystemDocument,
  ComputeTopology,
  Devices,
  HvSocketServiceConfig,
  HvSocketSystemConfig,
  ScsiAttachment,
  ScsiController,
  VirtualMachine,
  VirtualPciDevice,
  VirtualPMemController,
} from "../../hcs/schema/compute-system.ts";
import type { LinuxBoot } from "./linux-boot.ts";
import { kernelCommandLine } from "./linux-kernel-arguments.ts";
import type { LinuxVmOptions } from "./linux-vm-options.ts";
import { unlessEmpty, withoutZero } from "./omit.ts";
import { joinPath } from "./paths.ts";
import { numaParts, type NumaParts } from "./vm-numa.ts";
import { evenUp, type VmOptionsHost } from "./vm-options.ts";

/** What the VM starts from. */
export type LinuxVmStart =
  | { readonly kind: "kernel"; readonly boot: LinuxBoot }
  /** A confidential VM: copies that are its own, as paths of the host. */
  | { readonly kind: "guest-state"; readonly guestState: string; readonly verityDisk?: string };

export interface LinuxVmInputs {
  /** Base name of the shim executable. */
  readonly owner: string;
  readonly options: LinuxVmOptions;
  readonly host: VmOptionsHost;
  readonly start: LinuxVmStart;
  /** Devices the VM has from its start, by VMBus GUID. */
  readonly devices?: Readonly<Record<string, VirtualPciDevice>>;
}

/** Instance ids of the four SCSI controllers a VM may have, in the order of their numbers. */
export const SCSI_CONTROLLERS: readonly string[] = [
  "df6d0690-79e5-55b6-a5ec-c1e2f77f580a",
  "0110f83b-de10-5172-a266-78bca56bf50a",
  "b5d2d8d4-3a75-51bf-945b-3444dc6b8579",
  "305891a9-b251-5dfe-91a2-c25d9212275b",
];

/** The only layer format there is: the image of the VM's own root disk, and of layers. */
export const IMAGE_FORMAT = "Vhd1";

/** Only SYSTEM and administrators may use a Hyper-V socket towards the VM. */
const ADMINISTRATORS_ONLY = "D:P(A;;FA;;;SY)(A;;FA;;;BA)";
/** Everybody: what binds inside a confidential VM is none of the host's business. */
const EVERYBODY = "D:P(A;;FA;;;WD)";
const LINUX_SECURE_BOOT = "1734c6e8-3154-4dda-ba5f-a874cc483422";
const PLAIN_VERSION = { Major: 2, Minor: 1 };
const CONFIDENTIAL_VERSION = { Major: 2, Minor: 5 };
const MULTI_CONTROLLER_BUILD = 17_763;

/** @throws {SpecError} when its virtual NUMA nodes cannot be, or its root file system cannot be verified */
export function linuxVmDocument(inputs: LinuxVmInputs): ComputeSystemDocument {
  return {
    Owner: inputs.owner,
    SchemaVersion: inputs.start.kind === "kernel" ? PLAIN_VERSION : CONFIDENTIAL_VERSION,
    ShouldTerminateOnLastHandleClosed: true,
    VirtualMachine: virtualMachine(inputs),
  };
}

function virtualMachine(inputs: LinuxVmInputs): VirtualMachine {
  const { options, start } = inputs;
  return withoutZero({
    StopOnReset: true,
    Chipset: chipset(inputs),
    ComputeTopology: topology(inputs),
    Devices: devices(inputs),
    ...(start.kind === "guest-state" ? confidentialParts(options, start.guestState) : {}),
    StorageQoS: unlessEmpty(
      withoutZero({ IopsMaximum: options.storageIops, BandwidthMaximum: options.storageBandwidth }),
    ),
    ResourcePartitionId: options.resourcePartitionId,
  });
}

function chipset({ options, start }: LinuxVmInputs): Chipset {
  if (start.kind === "guest-state") {
    return { Uefi: { ApplySecureBootTemplate: "Apply", SecureBootTemplateId: LINUX_SECURE_BOOT } };
  }
  const { directory, kernel, rootfs, rootfsType, kernelDirect } = start.boot;
  const commandLine = kernelCommandLine(options, start.boot);
  if (!kernelDirect) {
    return {
      Uefi: {
        BootThis: {
          DeviceType: "VmbFs",
          DevicePath: `\\${kernel}`,
          VmbFsRootPath: directory,
          OptionalData: commandLine,
        },
      },
    };
  }
  return {
    LinuxKernelDirect: {
      KernelFilePath: joinPath(directory, kernel),
      ...(rootfsType === "initrd" ? { InitRdPath: joinPath(directory, rootfs) } : {}),
      KernelCmdLine: commandLine,
    },
  };
}

function topology(inputs: LinuxVmInputs): ComputeTopology {
  const { options, host } = inputs;
  const count = Math.min(options.processorCount, host.logicalProcessors);
  const numa = virtualNuma(inputs, count);
  return withoutZero({
    Memory: withoutZero({
      SizeInMB: evenUp(options.memoryMb),
      AllowOvercommit: options.allowOvercommit,
      EnableDeferredCommit: options.deferredCommit,
      EnableColdDiscardHint: options.coldDiscardHint,
      LowMmioGapInMB: options.lowMmioGapMb,
      HighMmioBaseInMB: options.highMmioBaseMb,
      HighMmioGapInMB: options.highMmioGapMb,
      ...numa?.memory,
    }),
    Processor: withoutZero({
      Count: count,
      Limit: options.processorLimit,
      Weight: options.processorWeight,
      CpuGroup: options.cpuGroupId === "" ? undefined : { Id: options.cpuGroupId },
      ...numa?.processor,
    }),
    Numa: numa?.numa,
  });
}

function virtualNuma({ options, host, start }: LinuxVmInputs, processorCount: number): NumaParts | undefined {
  if (start.kind === "guest-state") return undefined;
  return numaParts(options.numa, {
    build: host.build,
    processorCount,
    memoryMb: evenUp(options.memoryMb),
    allowOvercommit: options.allowOvercommit,
  });
}

function devices(inputs: LinuxVmInputs): Devices {
  const { options, start } = inputs;
  const isConfidential = start.kind === "guest-state";
  return withoutZero({
    ComPorts:
      options.consolePipe === "" || isConfidential ? undefined : { "0": { NamedPipe: options.consolePipe } },
    HvSocket: { HvSocketConfig: isConfidential ? confidentialSockets(options) : sockets(options) },
    Plan9: {},
    Scsi: scsi(inputs),
    VirtualPMem: virtualPMem(inputs),
    VirtualPci:
      isConfidential || inputs.devices === undefined ? undefined : unlessEmpty({ ...inputs.devices }),
  });
}

function scsi({ options, host, start }: LinuxVmInputs): Record<string, ScsiController> {
  const many = options.vpmemCount === 0 && host.build >= MULTI_CONTROLLER_BUILD;
  const disk = bootDisk(options, start);
  return Object.fromEntries(
    SCSI_CONTROLLERS.slice(0, many ? SCSI_CONTROLLERS.length : 1).map((id, number) => [
      id,
      number === 0 && disk !== undefined ? { Attachments: { "0": disk } } : {},
    ]),
  );
}

function bootDisk(options: LinuxVmOptions, start: LinuxVmStart): ScsiAttachment | undefined {
  const path =
    start.kind === "guest-state"
      ? start.verityDisk
      : start.boot.rootfsType === "vhd" && options.vpmemCount === 0
        ? joinPath(start.boot.directory, start.boot.rootfs)
        : undefined;
  return path === undefined ? undefined : { Type: "VirtualDisk", Path: path, ReadOnly: true };
}

function virtualPMem({ options, start }: LinuxVmInputs): VirtualPMemController | undefined {
  if (options.vpmemCount === 0 || start.kind === "guest-state") return undefined;
  const { directory, rootfs, rootfsType } = start.boot;
  return {
    MaximumCount: options.vpmemCount,
    MaximumSizeBytes: options.vpmemSizeBytes,
    ...(rootfsType === "vhd"
      ? {
          Devices: {
            "0": { HostPath: joinPath(directory, rootfs), ReadOnly: true, ImageFormat: IMAGE_FORMAT },
          },
        }
      : {}),
  };
}

function sockets(options: LinuxVmOptions): HvSocketSystemConfig {
  return withoutZero({
    DefaultBindSecurityDescriptor: ADMINISTRATORS_ONLY,
    ServiceTable: unlessEmpty(annotatedServices(options)),
  });
}

function annotatedServices({ hvSocketServices }: LinuxVmOptions): Record<string, HvSocketServiceConfig> {
  return Object.fromEntries(
    Object.entries(hvSocketServices).map(([id, config]) => [id, withoutZero(config)]),
  );
}

/** What the guest agent listens to and dials is open inside the VM, and to administrators of the host outside. */
function confidentialSockets(options: LinuxVmOptions): HvSocketSystemConfig {
  const { entropy, log, bridge, firstStdio } = LINUX_GUEST_PORT;
  const ports = [entropy, log, bridge, firstStdio, ...options.extraVsockPorts];
  const service: HvSocketServiceConfig = {
    BindSecurityDescriptor: EVERYBODY,
    ConnectSecurityDescriptor: ADMINISTRATORS_ONLY,
    AllowWildcardBinds: true,
  };
  return {
    DefaultBindSecurityDescriptor: EVERYBODY,
    DefaultConnectSecurityDescriptor: ADMINISTRATORS_ONLY,
    ServiceTable: {
      ...annotatedServices(options),
      ...Object.fromEntries(ports.map((port) => [vsockServiceId(port), { ...service }])),
    },
  };
}

function confidentialParts(
  { securityPolicy, hclEnabled }: LinuxVmOptions,
  guestState: string,
): Pick<VirtualMachine, "GuestState" | "SecuritySettings"> {
  return {
    GuestState: {
      GuestStateFilePath: guestState,
      GuestStateFileType: "FileMode",
      ForceTransientState: true,
    },
    SecuritySettings: {
      Isolation: {
        IsolationType: "SecureNestedPaging",
        LaunchData: launchData(securityPolicy),
        ...(hclEnabled === undefined ? {} : { HclEnabled: hclEnabled }),
      },
    },
  };
}

/** What the processor attests the VM was launched with: the hash of the policy, as base64. */
function launchData(policy: string): string {
  return createHash("sha256").update(Buffer.from(policy, "base64")).digest("base64");
}
