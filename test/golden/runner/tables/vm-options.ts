/** Specification and runtime options → options of the pod's VM, by their names in the reference. */
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import {
  checkWindowsVmOptions,
  readWindowsVmOptions,
  type WindowsVmOptions,
} from "../../../../oci/documents/windows-vm-options.ts";
import { SpecError } from "../../../../oci/errors.ts";
import { isIsolated } from "../../../../oci/isolation.ts";
import { readSpec, type Spec } from "../../../../oci/spec.ts";
import { Options } from "../../../../protos/gen/runhcs.ts";
import { withOptionAnnotations } from "../../../../shim/service/option-annotations.ts";
import type { Json, Platform } from "../../../../hcs/scripted/platform.ts";
import { SHIM_DIRECTORY, SHIM_NAME } from "../names.ts";
import { optionsMessage } from "../requests.ts";
import { warningsJson } from "../warning-json.ts";

/** What the final check says of options that would do: a table has no layers, and boot files are found there. */
export const NO_BOOT_FILES = "boot files not set";

export function vmOptionsRow(row: Json, platform: Platform): Json {
  const options = row["options"] === undefined ? Options.create() : optionsMessage(row["options"] as Json);
  const spec = withOptionAnnotations(readSpec(row["spec"]), options);
  if (!isIsolated(spec)) {
    throw new SpecError({ at: "/windows/hyperv", rule: "must be there: only such pods have a VM" });
  }
  if (spec.linux !== undefined) throw new Error("options of Linux VMs have no names here");
  return windowsRow(spec, platform);
}

function windowsRow(spec: Spec, { windowsBuild, hostProcessors }: Platform): Json {
  const host = {
    build: windowsBuild,
    logicalProcessors: hostProcessors,
    confidentialBootFiles: `${SHIM_DIRECTORY}\\WindowsBootFiles\\confidential`,
  };
  const reader = new AnnotationReader(spec.annotations);
  const options = readWindowsVmOptions(reader, spec.windows?.resources ?? {}, host);
  const warnings = warningsJson(reader.warnings);
  return {
    annotationsAfter: spec.annotations,
    kind: "OptionsWCOW",
    options: windowsOptions(options),
    verify: { error: refusalOf(() => checkWindowsVmOptions(options, host)) ?? NO_BOOT_FILES },
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

function refusalOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof SpecError) return error.message;
    throw error;
  }
}

function windowsOptions(options: WindowsVmOptions): Json {
  const { confidential, numa } = options;
  const list = (values: readonly number[]): readonly number[] | null => (values.length === 0 ? null : values);
  return {
    AdditionalHyperVConfig: options.hvSocketServices,
    AdditionalRegistryKeys: options.additionalRegistryValues,
    AllowOvercommit: options.allowOvercommit,
    BootFiles: null,
    BootFilesRootPath: options.bootFilesRoot,
    BundleDirectory: "",
    CPUGroupID: options.cpuGroupId,
    ConsolePipe: options.consolePipe,
    DebugDataPath: options.debugDirectory,
    DebugMode: options.debugDirectory !== "",
    DefaultLogSourcesEnabled: options.defaultLogSources,
    DisableCompartmentNamespace: options.disableCompartmentNamespace,
    DisableSecureBoot: confidential?.secureBoot === false,
    DumpDirectoryPath: options.dumpDirectory,
    EnableDeferredCommit: options.deferredCommit,
    EnableGraphicsConsole: false,
    FirmwareParameters: "",
    FullyPhysicallyBacked: options.physicallyBacked,
    GuestStateFilePath: confidential?.guestState ?? "",
    HighMMIOBaseInMB: options.highMmioBaseMb,
    HighMMIOGapInMB: options.highMmioGapMb,
    ID: "pod1@vm",
    IsolationType: confidential?.isolationType ?? "",
    LogForwardingEnabled: options.logForwarding,
    LogSources: options.logSources,
    LowMMIOGapInMB: options.lowMmioGapMb,
    MaxMemorySizePerNumaNode: numa.maxSizePerNode,
    MaxProcessorsPerNumaNode: numa.maxProcessorsPerNode,
    MemorySizeInMB: options.memoryMb,
    NetworkConfigProxy: options.networkProxy,
    NoDirectMap: options.noDirectMap,
    NoInheritHostTimezone: options.noTimeZone,
    NoWritableFileShares: options.noWritableShares,
    NumaMappedPhysicalNodes: list(numa.mappedPhysicalNodes),
    NumaMemoryBlocksCounts: list(numa.memoryBlocks),
    NumaProcessorCounts: list(numa.processorCounts),
    Owner: SHIM_NAME,
    PreferredPhysicalNumaNodes: list(numa.preferredPhysicalNodes),
    ProcessDumpLocation: options.processDumpLocation,
    ProcessorCount: options.processorCount,
    ProcessorLimit: options.processorLimit,
    ProcessorWeight: options.processorWeight,
    ResourcePartitionID: options.resourcePartitionId ?? null,
    SCSIControllerCount: confidential === undefined ? 1 : 4,
    SecurityPolicy: confidential?.policy ?? "",
    SecurityPolicyEnabled: confidential !== undefined,
    SecurityPolicyEnforcer: confidential?.enforcer ?? "",
    StorageQoSBandwidthMaximum: options.storageBandwidth,
    StorageQoSIopsMaximum: options.storageIops,
    UVMHashEnvelopeReferenceInfoFile: confidential?.hashEnvelopeReferenceInfo ?? "",
    UVMReferenceInfoFile: confidential?.referenceInfo ?? "",
    WritableEFI: options.writableEfi,
  };
}
