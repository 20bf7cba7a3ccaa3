/**
 * Options of VMs by the names of hcsshim's public option structures (`internal/uvm`: `Options` and the confidential
 * options flattened into `OptionsWCOW` and `OptionsLCOW`), as Go writes them to JSON: null for what was never set.
 */
import type { Json } from "../../../../hcs/scripted/platform.ts";
import type { LinuxBoot, LinuxRootfs } from "../../../../oci/documents/linux-boot.ts";
import { guestAgent } from "../../../../oci/documents/linux-kernel-arguments.ts";
import type { LinuxVmOptions } from "../../../../oci/documents/linux-vm-options.ts";
import type { VmOptions } from "../../../../oci/documents/vm-options.ts";
import type { WindowsVmOptions } from "../../../../oci/documents/windows-vm-options.ts";
import type { AssignedDevice } from "../../../../oci/vpci.ts";
import { SHIM_NAME } from "../names.ts";

const ROOTFS_TYPE: Readonly<Record<LinuxRootfs, number>> = { initrd: 0, vhd: 1 };
/** The root file system comes with the guest state. */
const NO_ROOTFS_TYPE = 2;

export function windowsOptions(options: WindowsVmOptions): Json {
  const { confidential } = options;
  return {
    ...commonOptions(options),
    AdditionalRegistryKeys: options.additionalRegistryValues,
    BootFiles: null,
    BootFilesRootPath: options.bootFilesRoot,
    BundleDirectory: "",
    DebugDataPath: options.debugDirectory,
    DebugMode: options.debugDirectory !== "",
    DefaultLogSourcesEnabled: options.defaultLogSources,
    DisableCompartmentNamespace: options.disableCompartmentNamespace,
    DisableSecureBoot: confidential?.secureBoot === false,
    FirmwareParameters: "",
    GuestStateFilePath: confidential?.guestState ?? "",
    IsolationType: confidential?.isolationType ?? "",
    LogForwardingEnabled: options.logForwarding,
    LogSources: options.logSources,
    NoDirectMap: options.noDirectMap,
    NoInheritHostTimezone: options.noTimeZone,
    SCSIControllerCount: confidential === undefined ? 1 : 4,
    SecurityPolicy: confidential?.policy ?? "",
    SecurityPolicyEnabled: confidential !== undefined,
    SecurityPolicyEnforcer: confidential?.enforcer ?? "",
    UVMHashEnvelopeReferenceInfoFile: confidential?.hashEnvelopeReferenceInfo ?? "",
    UVMReferenceInfoFile: confidential?.referenceInfo ?? "",
    WritableEFI: options.writableEfi,
  };
}

/** @param devices null where the spec has none, assignable or not */
export function linuxOptions(
  options: LinuxVmOptions,
  boot: LinuxBoot,
  devices: readonly AssignedDevice[] | null,
): Json {
  const { isConfidential } = options;
  return {
    ...commonOptions(options),
    // The fields of a device are not public.
    AssignedDevices: devices?.map(() => ({})) ?? null,
    BootFilesPath: boot.directory,
    BundleDirectory: "",
    // Read for Windows guests alone.
    DisableCompartmentNamespace: false,
    DisableTimeSyncService: !options.timeSync,
    DmVerityCreateArgs: options.verityCreateArguments,
    DmVerityMode: options.verityMode,
    DmVerityRootFsVhd: options.verityRootfs,
    EnableColdDiscardHint: options.coldDiscardHint,
    EnableScratchEncryption: options.scratchEncrypted,
    ExecCommandLine: guestAgent(options),
    ExtraVSockPorts: orNull(options.extraVsockPorts),
    ForwardStderr: true,
    ForwardStdout: false,
    GuestStateFilePath: options.guestStateFile,
    HclEnabled: options.hclEnabled ?? null,
    KernelBootOptions: options.kernelBootOptions,
    KernelDirect: options.kernelDirect,
    KernelFile: boot.kernel,
    PolicyBasedRouting: options.policyBasedRouting,
    PreferredRootFSType: isConfidential ? NO_ROOTFS_TYPE : ROOTFS_TYPE[boot.rootfsType],
    RootFSFile: isConfidential ? "" : boot.rootfs,
    // Without VPMem a VM gets more of them, whatever this says.
    SCSIControllerCount: 1,
    SecurityPolicy: options.securityPolicy,
    SecurityPolicyEnabled: options.securityPolicy !== "",
    SecurityPolicyEnforcer: options.policyEnforcer,
    UseGuestConnection: true,
    UseGuestStateFile: false,
    UVMHashEnvelopeReferenceInfoFile: options.hashEnvelope,
    UVMReferenceInfoFile: options.referenceInfo,
    VPCIEnabled: options.vpci,
    VPMemDeviceCount: options.vpmemCount,
    VPMemNoMultiMapping: !options.vpmemMultiMapping,
    VPMemSizeBytes: options.vpmemSizeBytes,
    WritableOverlayDirs: options.writableOverlayDirectories,
  };
}

function commonOptions(options: VmOptions): Json {
  const { numa } = options;
  return {
    AdditionalHyperVConfig: options.hvSocketServices,
    AllowOvercommit: options.allowOvercommit,
    CPUGroupID: options.cpuGroupId,
    ConsolePipe: options.consolePipe,
    DumpDirectoryPath: options.dumpDirectory,
    EnableDeferredCommit: options.deferredCommit,
    EnableGraphicsConsole: false,
    FullyPhysicallyBacked: options.physicallyBacked,
    HighMMIOBaseInMB: options.highMmioBaseMb,
    HighMMIOGapInMB: options.highMmioGapMb,
    ID: "pod1@vm",
    LowMMIOGapInMB: options.lowMmioGapMb,
    MaxMemorySizePerNumaNode: numa.maxSizePerNode,
    MaxProcessorsPerNumaNode: numa.maxProcessorsPerNode,
    MemorySizeInMB: options.memoryMb,
    NetworkConfigProxy: options.networkProxy,
    NoWritableFileShares: options.noWritableShares,
    NumaMappedPhysicalNodes: orNull(numa.mappedPhysicalNodes),
    NumaMemoryBlocksCounts: orNull(numa.memoryBlocks),
    NumaProcessorCounts: orNull(numa.processorCounts),
    Owner: SHIM_NAME,
    PreferredPhysicalNumaNodes: orNull(numa.preferredPhysicalNodes),
    ProcessDumpLocation: options.processDumpLocation,
    ProcessorCount: options.processorCount,
    ProcessorLimit: options.processorLimit,
    ProcessorWeight: options.processorWeight,
    ResourcePartitionID: options.resourcePartitionId ?? null,
    StorageQoSBandwidthMaximum: options.storageBandwidth,
    StorageQoSIopsMaximum: options.storageIops,
  };
}

function orNull(values: readonly number[]): readonly number[] | null {
  return values.length === 0 ? null : values;
}
