/**
 * What a pod's VM is made of: options, boot files and devices of its sandbox's request, as facts of the host allow.
 */
import { randomUUID } from "node:crypto";
import { posix, win32 } from "node:path";
import type { ComputeSystemDocument, VirtualPciDevice } from "../../../hcs/schema/compute-system.ts";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { bootFileNames, chooseBoot, type ConfidentialBoot } from "../../../oci/documents/linux-boot.ts";
import {
  linuxVmOptions,
  type GuestLogging,
  type LinuxVmOptions,
} from "../../../oci/documents/linux-vm-options.ts";
import { linuxVmDocument, type LinuxVmStart } from "../../../oci/documents/linux-vm.ts";
import { sizeWarnings } from "../../../oci/documents/vm-options.ts";
import { podDevices, virtualPciDevice, type AssignedDevice } from "../../../oci/vpci.ts";
import type { Logger } from "../../log/logger.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { PodEnvironment } from "../environment.ts";
import type { CreateRequest } from "../request.ts";
import { hostProcessors } from "../vm/host-processors.ts";
import { logWarnings } from "../warnings.ts";
import { withConsoleLog } from "../vm/console-options.ts";
import { findBootFiles } from "./boot-files.ts";

/** A device that the VM has from its start. */
export interface BootDevice {
  readonly vmBusId: string;
  readonly device: AssignedDevice;
}

export interface LinuxVmPlan {
  readonly document: ComputeSystemDocument;
  readonly options: LinuxVmOptions;
  readonly bootDevices: readonly BootDevice[];
  /** Where the boot files are, and what else is beside them. */
  readonly bootDirectory: string;
}

/** GENERIC_ALL: the VM writes to its guest state. */
const FULL_ACCESS = 0x1000_0000;

/** @throws {SpecError} when the VM cannot be as it is asked for */
export async function planLinuxVm(
  environment: PodEnvironment,
  request: CreateRequest,
  holdings: Holdings,
  signal: AbortSignal,
): Promise<LinuxVmPlan> {
  const { backend, host, logger, owner } = environment;
  const reader = new AnnotationReader(request.spec.annotations);
  const wanted = linuxVmOptions(
    reader,
    request.spec.windows?.resources ?? {},
    host,
    guestLogging(logger, request),
  );
  // A confidential VM tells its host nothing that it does not have to.
  const options = wanted.isConfidential ? wanted : withConsoleLog(wanted, request, environment);
  const bootFiles = await findBootFiles(
    backend,
    host.linuxBootFiles,
    { directory: options.bootFilesRoot || request.options.linuxBootFiles, names: bootFileNames(options) },
    signal,
  );
  const choice = chooseBoot(options, bootFiles);
  const vmHost = { build: host.build, logicalProcessors: await hostProcessors(backend, signal) };
  const bootDevices = podDevices(request.spec, reader.warnings).map((device) => ({
    vmBusId: randomUUID(),
    device,
  }));
  const document = linuxVmDocument({
    owner,
    options,
    host: vmHost,
    start:
      choice.kind === "kernel"
        ? choice
        : await copyBootFiles(environment, request.bundle, choice.boot, holdings, signal),
    devices: Object.fromEntries(
      bootDevices.map(({ vmBusId, device }): [string, VirtualPciDevice] => [
        vmBusId,
        virtualPciDevice(device, host.build),
      ]),
    ),
  });
  logWarnings(logger, request.id, [...reader.warnings, ...sizeWarnings(options, vmHost)]);
  return { document, options, bootDevices, bootDirectory: bootFiles.directory };
}

/** The guest logs what the shim logs, in logrus words. */
function guestLogging(logger: Logger, { scrubLogs }: CreateRequest): GuestLogging {
  const level = (["trace", "debug", "info"] as const).find((each) => logger.isEnabled(each));
  return { level: level ?? (logger.isEnabled("warn") ? "warning" : "error"), scrub: scrubLogs };
}

/** A confidential VM writes to what it boots from, or locks it: it gets copies of its own. */
async function copyBootFiles(
  { backend }: PodEnvironment,
  bundle: string,
  boot: ConfidentialBoot,
  holdings: Holdings,
  signal: AbortSignal,
): Promise<LinuxVmStart> {
  const path = backend.traits.paths === "win32" ? win32 : posix;
  const copy = async (from: string, to: string): Promise<string> => {
    const target = path.join(bundle, to);
    await holdings.acquire(
      { kind: "file", key: `file:${target}`, data: { path: target } },
      () => backend.files.copyFile(path.join(boot.directory, from), target, { signal }),
      (budget) => backend.files.remove(target, { signal: budget }),
    );
    await backend.storage.grantVmGroupAccess(target, FULL_ACCESS, { signal });
    return target;
  };
  const guestState = await copy(boot.guestState, boot.guestState);
  if (boot.verityDisk === undefined) return { kind: "guest-state", guestState };
  return { kind: "guest-state", guestState, verityDisk: await copy(boot.verityDisk, VERITY_DISK) };
}

/** Name of a pod's own copy of the verified root file system. */
const VERITY_DISK = "rootfs.vhd";
