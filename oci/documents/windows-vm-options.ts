/** The options of a utility VM for Windows containers. */
import type { IsolationType } from "../../hcs/schema/compute-system.ts";
import type { RegistryValue } from "../../hcs/schema/registry.ts";
import * as ANNOTATION from "../annotations/catalogue.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import { SpecError } from "../errors.ts";
import type { WindowsResources } from "../spec.ts";
import { registryValues } from "../windows/registry.ts";
import { checkVmRules, readVmOptions, vmRules, type VmOptions, type VmOptionsHost } from "./vm-options.ts";

export interface WindowsVmOptions extends VmOptions {
  readonly noDirectMap: boolean;
  readonly disableCompartmentNamespace: boolean;
  /** The guest has UTC instead of the host's zone. */
  readonly noTimeZone: boolean;
  /** Filtered already. */
  readonly additionalRegistryValues: readonly RegistryValue[];
  readonly writableEfi: boolean;
  readonly logForwarding: boolean;
  /** Base64 of JSON, as the guest's log service takes it; empty: the default sources alone. */
  readonly logSources: string;
  readonly defaultLogSources: boolean;
  /** Disks are copied there when the VM ends; empty: not kept. */
  readonly debugDirectory: string;
  /** Present for a confidential VM. */
  readonly confidential?: ConfidentialOptions;
}

export interface ConfidentialOptions {
  /** Base64. */
  readonly policy: string;
  readonly enforcer: string;
  readonly isolationType: IsolationType;
  readonly secureBoot: boolean;
  /** Directory of the host with what such a VM boots from. */
  readonly bootFiles: string;
  /** Paths of the host. */
  readonly guestState: string;
  readonly referenceInfo: string;
  readonly hashEnvelopeReferenceInfo: string;
}

export interface WindowsVmOptionsHost extends VmOptionsHost {
  /** Where the boot files of confidential VMs are unless an annotation says otherwise. */
  readonly confidentialBootFiles: string;
}

const CONFIDENTIAL_MEMORY_MB = 2048;

const GUEST_STATE: Readonly<Record<IsolationType, string>> = {
  SecureNestedPaging: "cwcow.snp.vmgs",
  VirtualizationBasedSecurity: "cwcow.vbs.vmgs",
  GuestStateOnly: "cwcow.gso.vmgs",
};

/** @throws {SpecError} for a value nothing sensible could be assumed for, or options that contradict each other */
export function readWindowsVmOptions(
  reader: AnnotationReader,
  resources: WindowsResources,
  host: WindowsVmOptionsHost,
): WindowsVmOptions {
  const common = readVmOptions(reader, resources, host);
  const confidential = readConfidential(reader, common, host);
  return {
    ...common,
    ...(confidential === undefined
      ? {}
      : { confidential, memoryMb: confidentialMemory(reader), allowOvercommit: false }),
    noDirectMap: reader.read(ANNOTATION.noDirectMap) ?? false,
    disableCompartmentNamespace: reader.read(ANNOTATION.compartmentNamespaceDisabled) ?? false,
    noTimeZone: reader.read(ANNOTATION.timeZoneNotInherited) ?? false,
    additionalRegistryValues: registryValues(reader, ANNOTATION.additionalRegistryKeys),
    writableEfi: reader.read(ANNOTATION.writableEfi) ?? false,
    logForwarding: reader.read(ANNOTATION.logForwarding) ?? confidential === undefined,
    logSources: reader.read(ANNOTATION.logSources) ?? "",
    defaultLogSources: reader.read(ANNOTATION.defaultLogSources) ?? true,
    debugDirectory: debugDirectory(reader, confidential !== undefined),
  };
}

/** Whether the options can be followed together, on this host. @throws {SpecError} for the first that cannot */
export function checkWindowsVmOptions(options: WindowsVmOptions, host: VmOptionsHost): void {
  checkVmRules(vmRules(options, host));
}

function readConfidential(
  reader: AnnotationReader,
  { bootFilesRoot }: VmOptions,
  host: WindowsVmOptionsHost,
): ConfidentialOptions | undefined {
  const policy = reader.read(ANNOTATION.windowsSecurityPolicy) ?? "";
  if (policy === "") return undefined;
  const noHardware = reader.read(ANNOTATION.noSecurityHardware) ?? false;
  const isolationType =
    reader.read(ANNOTATION.vmIsolationType) ?? (noHardware ? "GuestStateOnly" : "SecureNestedPaging");
  const bootFiles = bootFilesRoot === "" ? host.confidentialBootFiles : bootFilesRoot;
  const inBootFiles = (name: string): string => `${bootFiles.replace(/[\\/]+$/, "")}\\${name}`;
  return {
    policy,
    enforcer: reader.read(ANNOTATION.windowsPolicyEnforcer) ?? "",
    isolationType,
    secureBoot: !(reader.read(ANNOTATION.noSecureBoot) ?? false),
    bootFiles,
    guestState: reader.read(ANNOTATION.windowsGuestState) ?? inBootFiles(GUEST_STATE[isolationType]),
    referenceInfo: reader.read(ANNOTATION.windowsReferenceInfo) ?? inBootFiles("reference_info.cose"),
    hashEnvelopeReferenceInfo:
      reader.read(ANNOTATION.hashEnvelopeReference) ?? inBootFiles("reference_info_hash_envelope.cose"),
  };
}

/** The limits of the pod's containers say nothing about what such a guest needs. */
function confidentialMemory(reader: AnnotationReader): number {
  const row = ANNOTATION.vmMemorySize;
  const memoryMb = reader.read(row) ?? CONFIDENTIAL_MEMORY_MB;
  if (memoryMb >= CONFIDENTIAL_MEMORY_MB) return memoryMb;
  throw new SpecError({
    at: `annotation ${row.key}`,
    rule: `must be at least ${CONFIDENTIAL_MEMORY_MB} in confidential mode`,
    value: memoryMb,
  });
}

function debugDirectory(reader: AnnotationReader, isConfidential: boolean): string {
  const directory = reader.read(ANNOTATION.windowsDebugPath) ?? "";
  if (reader.read(ANNOTATION.windowsDebug) !== true) return "";
  const missing = !isConfidential
    ? ANNOTATION.windowsSecurityPolicy
    : directory === ""
      ? ANNOTATION.windowsDebugPath
      : undefined;
  if (missing === undefined) return directory;
  throw new SpecError({
    at: `annotation ${ANNOTATION.windowsDebug.key}`,
    rule: `needs ${missing.key}`,
    value: true,
  });
}
