/** Options of a utility VM for Linux containers: what annotations, OCI resources and the host decide. */
import * as ANNOTATION from "../annotations/catalogue.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import { SpecError } from "../errors.ts";
import type { WindowsResources } from "../spec.ts";
import {
  checkVmRules,
  readVmOptions,
  vmRules,
  type VmOptions,
  type VmOptionsHost,
  type VmRule,
} from "./vm-options.ts";

export interface LinuxVmHost extends VmOptionsHost {
  /** Absent: amd64. */
  readonly isArm64?: boolean;
}

/** What the shim adds to the guest agent's arguments. */
export interface GuestLogging {
  /** In logrus words. */
  readonly level: string;
  /** False: the guest logs secrets too. */
  readonly scrub: boolean;
}

export interface LinuxVmOptions extends VmOptions {
  readonly coldDiscardHint: boolean;
  /** 0: no VPMem, four SCSI controllers. */
  readonly vpmemCount: number;
  readonly vpmemSizeBytes: number;
  /** Several layers share a VPMem device. */
  readonly vpmemMultiMapping: boolean;
  readonly vpci: boolean;
  readonly extraVsockPorts: readonly number[];
  readonly scratchEncrypted: boolean;
  readonly kernelBootOptions: string;
  readonly kernelDirect: boolean;
  readonly preferredRootfs?: "initrd" | "vhd";
  readonly timeSync: boolean;
  readonly writableOverlayDirectories: boolean;
  readonly extraExecArguments: string;
  readonly policyBasedRouting: boolean;
  readonly guestLogging: GuestLogging;
  readonly isArm64: boolean;
  /** Base64; empty: none. */
  readonly securityPolicy: string;
  readonly policyEnforcer: string;
  /** Names of files beside the boot files, to be sent to the guest with the policy. */
  readonly referenceInfo: string;
  readonly hashEnvelope: string;
  /** A confidential VM boots from it; empty: an ordinary VM. */
  readonly guestStateFile: string;
  readonly verityMode: boolean;
  readonly verityRootfs: string;
  readonly verityCreateArguments: string;
  /** There is a policy, and hardware that enforces it. */
  readonly isConfidential: boolean;
  /** Undefined: left to HCS. */
  readonly hclEnabled?: boolean;
}

const DEFAULT_VPMEM_COUNT = 64;
const DEFAULT_VPMEM_BYTES = 4 * 1024 ** 3;
const MOST_VPMEM = 128;
const PAGE = 4096;
const KERNEL_DIRECT_BUILD = 18_286;
const MULTI_MAPPING_BUILD = 18_362;
const COLD_DISCARD_BUILD = 18_967;

/**
 * Decides the options of the VM.
 *
 * @throws {SpecError} when options contradict each other or the host cannot provide them
 */
export function linuxVmOptions(
  reader: AnnotationReader,
  resources: WindowsResources,
  host: LinuxVmHost,
  guestLogging: GuestLogging,
): LinuxVmOptions {
  const options = readLinuxVmOptions(reader, resources, host, guestLogging);
  checkLinuxVmOptions(options, host);
  return options;
}

/** @throws {SpecError} for a value nothing sensible could be assumed for */
export function readLinuxVmOptions(
  reader: AnnotationReader,
  resources: WindowsResources,
  host: LinuxVmHost,
  guestLogging: GuestLogging,
): LinuxVmOptions {
  const isArm64 = host.isArm64 ?? false;
  const common = readVmOptions(reader, resources, host);
  const confidentiality = readConfidentiality(reader);
  const { isConfidential } = confidentiality;
  const vpmemCount = reader.read(ANNOTATION.vpmemCount) ?? (isArm64 ? 0 : DEFAULT_VPMEM_COUNT);
  const kernelBootOptions = reader.read(ANNOTATION.kernelBootOptions) ?? "";
  const preferredRootfs = reader.read(ANNOTATION.preferredRootfsType);
  return {
    ...common,
    allowOvercommit: common.allowOvercommit && !isConfidential,
    coldDiscardHint: reader.read(ANNOTATION.vmColdDiscardHint) ?? false,
    vpmemCount: common.physicallyBacked || isConfidential ? 0 : vpmemCount,
    vpmemSizeBytes: reader.read(ANNOTATION.vpmemSize) ?? DEFAULT_VPMEM_BYTES,
    vpmemMultiMapping: !(reader.read(ANNOTATION.vpmemNoMultiMapping) ?? host.build < MULTI_MAPPING_BUILD),
    vpci: reader.read(ANNOTATION.vpciEnabled) ?? false,
    extraVsockPorts: reader.read(ANNOTATION.extraVsockPorts) ?? [],
    kernelBootOptions: isConfidential ? "" : kernelBootOptions,
    kernelDirect: reader.read(ANNOTATION.kernelDirectBoot) ?? (host.build >= KERNEL_DIRECT_BUILD && !isArm64),
    ...(preferredRootfs === undefined ? {} : { preferredRootfs }),
    timeSync: !(reader.read(ANNOTATION.timeSyncDisabled) ?? false),
    writableOverlayDirectories: reader.read(ANNOTATION.writableOverlayDirectories) ?? false,
    extraExecArguments: reader.read(ANNOTATION.extraExecArguments) ?? "",
    policyBasedRouting: reader.read(ANNOTATION.policyBasedRouting) ?? false,
    guestLogging,
    isArm64,
    ...confidentiality,
  };
}

/** Whether the options can be followed together, on this host. @throws {SpecError} for the first that cannot */
export function checkLinuxVmOptions(options: LinuxVmOptions, host: LinuxVmHost): void {
  checkVmRules([...vmRules(options, host), ...linuxRules(options, host)]);
}

type ConfidentialOptions = Pick<
  LinuxVmOptions,
  | "securityPolicy"
  | "policyEnforcer"
  | "referenceInfo"
  | "hashEnvelope"
  | "scratchEncrypted"
  | "guestStateFile"
  | "verityMode"
  | "verityRootfs"
  | "verityCreateArguments"
  | "isConfidential"
  | "hclEnabled"
>;

/** A policy makes a VM confidential, unless the hardware that would enforce it is not there. */
function readConfidentiality(reader: AnnotationReader): ConfidentialOptions {
  const securityPolicy = reader.read(ANNOTATION.linuxSecurityPolicy) ?? "";
  const hasPolicy = securityPolicy !== "";
  const noHardware = reader.read(ANNOTATION.noSecurityHardware) ?? false;
  const isConfidential = hasPolicy && !noHardware;
  const hclEnabled = reader.read(ANNOTATION.hclEnabled);
  return {
    securityPolicy,
    policyEnforcer: reader.read(ANNOTATION.linuxPolicyEnforcer) ?? "",
    referenceInfo: reader.read(ANNOTATION.linuxReferenceInfo) ?? "reference_info.cose",
    hashEnvelope: reader.read(ANNOTATION.hashEnvelopeReference) ?? "reference_info_hash_envelope.cose",
    scratchEncrypted: reader.read(ANNOTATION.scratchEncrypted) ?? hasPolicy,
    guestStateFile: reader.read(ANNOTATION.linuxGuestState) ?? (isConfidential ? "kernel.vmgs" : ""),
    verityMode: reader.read(ANNOTATION.dmverityMode) ?? isConfidential,
    verityRootfs: reader.read(ANNOTATION.dmverityRootfs) ?? (isConfidential ? "rootfs.vhd" : ""),
    verityCreateArguments: reader.read(ANNOTATION.dmverityCreateArguments) ?? "",
    isConfidential,
    ...(hclEnabled === undefined ? {} : { hclEnabled }),
  };
}

function linuxRules(options: LinuxVmOptions, host: LinuxVmHost): VmRule[] {
  return [
    [
      !options.coldDiscardHint || host.build >= COLD_DISCARD_BUILD,
      ANNOTATION.vmColdDiscardHint.key,
      `needs Windows build ${COLD_DISCARD_BUILD}, this host is ${host.build}`,
      true,
    ],
    [
      !options.kernelDirect || host.build >= KERNEL_DIRECT_BUILD,
      ANNOTATION.kernelDirectBoot.key,
      `needs Windows build ${KERNEL_DIRECT_BUILD}, this host is ${host.build}`,
      true,
    ],
    [
      options.vpmemCount === 0 || !options.isArm64,
      ANNOTATION.vpmemCount.key,
      "must be 0: this host's processors have no VPMem",
      options.vpmemCount,
    ],
    [
      options.vpmemCount <= MOST_VPMEM,
      ANNOTATION.vpmemCount.key,
      `must be at most ${MOST_VPMEM}`,
      options.vpmemCount,
    ],
    [
      options.vpmemCount === 0 || options.vpmemSizeBytes % PAGE === 0,
      ANNOTATION.vpmemSize.key,
      `must be a multiple of ${PAGE}`,
      options.vpmemSizeBytes,
    ],
    [
      options.guestStateFile === "" || options.isConfidential,
      ANNOTATION.linuxGuestState.key,
      `needs ${ANNOTATION.linuxSecurityPolicy.key} and the hardware that enforces it`,
      options.guestStateFile,
    ],
  ];
}

/** @throws {SpecError} when its kernel cannot be told how to verify the root file system */
export function requireVerityArguments(options: LinuxVmOptions): string {
  if (options.verityCreateArguments !== "") return options.verityCreateArguments;
  throw new SpecError({
    at: `annotation ${ANNOTATION.dmverityMode.key}`,
    rule: `needs ${ANNOTATION.dmverityCreateArguments.key}`,
    value: true,
  });
}
