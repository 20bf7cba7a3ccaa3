/** The VM of a pod of Windows containers, with the devices that its containers use. */
import { posix, win32, type PlatformPath } from "node:path";
import type { HcsBackend } from "../../../hcs/api.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { SpecError } from "../../../oci/errors.ts";
import { sizeWarnings } from "../../../oci/documents/vm-options.ts";
import { windowsVmDocument } from "../../../oci/documents/windows-vm.ts";
import {
  checkWindowsVmOptions,
  readWindowsVmOptions,
  type WindowsVmOptions,
} from "../../../oci/documents/windows-vm-options.ts";
import { guestLogSources } from "../../../oci/windows/log-sources.ts";
import { Serial } from "../../task/serial.ts";
import type { CreateContext, PodView } from "../containers.ts";
import type { CreateRequest } from "../request.ts";
import { requestedLayers } from "../windows/layers.ts";
import { windowsBoot } from "../vm/boot/windows.ts";
import { withConsoleLog } from "../vm/console-options.ts";
import { MappedPipes } from "../vm/devices/pipes.ts";
import { ScsiDisks } from "../vm/devices/scsi.ts";
import { PciDevices } from "../vm/devices/vpci.ts";
import { VsmbShares } from "../vm/devices/vsmb.ts";
import { hostProcessors } from "../vm/host-processors.ts";
import { openVm } from "../vm/open-vm.ts";
import type { Uvm, UvmView } from "../vm/uvm.ts";
import { logWarnings } from "../warnings.ts";
import { BlockCimVolumes } from "./block-cims.ts";
import { prepareBootFiles } from "./boot-files.ts";
import { readSecurityPolicy } from "./security-policy.ts";

/** What a container in the VM works with. */
export interface WindowsVm {
  readonly uvm: UvmView;
  readonly options: WindowsVmOptions;
  /** Those the VM has. */
  readonly processors: number;
  readonly shares: VsmbShares;
  readonly disks: ScsiDisks;
  readonly pipes: MappedPipes;
  readonly pci: PciDevices;
  readonly cims: BlockCimVolumes;
  /** The networks of its containers: what specs name them by → the id that the guest knows. */
  readonly namespaces: Map<string, string>;
  /** The guest of a confidential VM makes one container at a time. */
  readonly creations: Serial;
  /** Rules of the host's paths. */
  readonly paths: PlatformPath;
}

/** Every right (GENERIC_ALL). */
const GENERIC_ALL = 0x1000_0000;

/**
 * Makes the VM and boots it. On failure what it had acquired is in the holdings.
 *
 * @param onCreated called as soon as the VM exists, before it boots
 */
export async function openWindowsVm(
  pod: PodView,
  request: CreateRequest,
  context: CreateContext,
  onCreated: (uvm: Uvm) => void,
): Promise<WindowsVm> {
  const { backend, host } = pod.environment;
  const paths = backend.traits.paths === "win32" ? win32 : posix;
  const options = readOptions(pod, request, paths);
  const id = `${request.id}@vm`;
  const document = await context
    .phasesOf("create")
    .run("layers", (signal) => makeDocument(pod, request, { id, options, paths }, signal));
  const policy =
    options.confidential === undefined
      ? undefined
      : await readSecurityPolicy(options.confidential, backend.files);
  const boot = windowsBoot({
    timeZone: options.noTimeZone ? undefined : host.timeZone,
    logSources: options.logForwarding ? guestLogSources(options) : undefined,
    securityPolicy: policy,
  });
  const uvm = await openVm(
    pod,
    {
      ...{ id, document, boot, level: request.options.boundaryLevel },
      console: options.consoleIsLog ? { pipe: options.consolePipe, bundle: request.bundle } : undefined,
    },
    context,
    onCreated,
  );
  return devicesOf(uvm, options, { backend, paths, build: host.build });
}

/** Builds that map files into a guest's memory by their ids, and fail where there are none. */
const MAPPING_NEEDS_IDS = { from: 18_362, to: 19_042 } as const;

interface HostFacts {
  readonly backend: HcsBackend;
  readonly paths: PlatformPath;
  readonly build: number;
}

function devicesOf(uvm: Uvm, options: WindowsVmOptions, { backend, paths, build }: HostFacts): WindowsVm {
  const { ComputeTopology, Devices } = uvm.document.VirtualMachine ?? {};
  const disks = new ScsiDisks({
    uvm,
    guestOs: "windows",
    storage: backend.storage,
    controllers: Object.entries(Devices?.Scsi ?? {}),
  });
  return {
    uvm,
    options,
    processors: ComputeTopology?.Processor?.Count ?? 0,
    disks,
    shares: new VsmbShares({
      uvm,
      paths,
      noDirectMap: options.noDirectMap || options.physicallyBacked,
      refuseWritable: options.noWritableShares,
      ...(build >= MAPPING_NEEDS_IDS.from && build <= MAPPING_NEEDS_IDS.to
        ? { canMap: (path, signal) => backend.files.answersFileIds(path, { signal }) }
        : {}),
    }),
    pipes: new MappedPipes(uvm),
    pci: new PciDevices({ uvm, build, bootDevices: [] }),
    cims: new BlockCimVolumes(uvm, disks),
    namespaces: new Map(),
    creations: new Serial(),
    paths,
  };
}

function readOptions(pod: PodView, request: CreateRequest, paths: PlatformPath): WindowsVmOptions {
  const { host, logger, programDirectory } = pod.environment;
  const facts = {
    build: host.build,
    logicalProcessors: host.logicalProcessors,
    confidentialBootFiles: paths.join(programDirectory, "WindowsBootFiles", "confidential"),
  };
  const reader = new AnnotationReader(request.spec.annotations);
  const options = readWindowsVmOptions(reader, request.spec.windows?.resources ?? {}, facts);
  logWarnings(logger, request.id, reader.warnings);
  checkWindowsVmOptions(options, facts);
  return options.confidential === undefined ? withConsoleLog(options, request, pod.environment) : options;
}

interface DocumentFacts {
  readonly id: string;
  readonly options: WindowsVmOptions;
  readonly paths: PlatformPath;
}

async function makeDocument(
  pod: PodView,
  request: CreateRequest,
  { id, options, paths }: DocumentFacts,
  signal: AbortSignal,
): Promise<ComputeSystemDocument> {
  const { backend, host, logger, owner } = pod.environment;
  const { windows } = request.spec;
  await openDumpDirectory(options.dumpDirectory, backend, signal);
  const boot = await prepareBootFiles(
    {
      vmId: id,
      bundle: request.bundle,
      layers: await requestedLayers(request, backend.files, signal),
      options,
      utilityVmPath: windows?.utilityVmPath,
      backend,
      paths,
    },
    signal,
  );
  const size = { build: host.build, logicalProcessors: await hostProcessors(backend, signal) };
  logWarnings(logger, request.id, sizeWarnings(options, size));
  return windowsVmDocument({ id, owner, options, host: size, boot });
}

/** The VM's worker writes there when its guest crashes. */
async function openDumpDirectory(directory: string, backend: HcsBackend, signal: AbortSignal): Promise<void> {
  if (directory === "") return;
  if ((await backend.files.stat(directory, { signal }))?.kind !== "directory") {
    throw new SpecError({
      at: "annotation io.microsoft.virtualmachine.dump-directory-path",
      rule: "must be a directory of the host",
      value: directory,
    });
  }
  await backend.storage.grantVmGroupAccess(directory, GENERIC_ALL, { signal });
}
