/** Makes a container in a Windows VM: layers, mounts, credentials, devices, document, and its own socket address. */
import type { GuestContainer } from "../../../hcs/guest/container.ts";
import type { ConfidentialContainerConfig, WindowsContainerConfig } from "../../../hcs/guest/protocol.ts";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { hostedDocument, type HostProcessPlace } from "../../../oci/documents/windows-container.ts";
import { SpecError } from "../../../oci/errors.ts";
import { hostProcessKind } from "../../../oci/host-process/classify.ts";
import { guestRootfsLocation } from "../../../oci/host-process/rootfs-location.ts";
import type { Spec } from "../../../oci/spec.ts";
import { credentialSpec } from "../../../oci/windows/gmsa.ts";
import type { Windows } from "../../../oci/windows/spec.ts";
import type { Phases } from "../../phases/phases.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { PodView } from "../containers.ts";
import type { CreateRequest } from "../request.ts";
import { allowService } from "../vm/devices/hv-socket.ts";
import { logWarnings } from "../warnings.ts";
import { guardCredentials } from "../windows/credential-guard.ts";
import { readDeviceExtensions } from "../windows/device-extensions.ts";
import type { MountedLayers } from "../windows/layers.ts";
import { guestDevices } from "./devices.ts";
import { installDrivers, shareDrivers } from "./drivers.ts";
import { rootFileSystem } from "./layers.ts";
import { guestMounts } from "./mounts.ts";
import type { WindowsVm } from "./windows-vm.ts";

export interface GuestContainerInit {
  readonly request: CreateRequest;
  readonly pod: PodView;
  readonly vm: WindowsVm;
  readonly holdings: Holdings;
}

/** On failure everything it had acquired is in the holdings. */
export async function createGuestContainer(
  init: GuestContainerInit,
  phases: Phases,
): Promise<GuestContainer> {
  const { request, pod, vm, holdings } = init;
  const { windows } = request.spec;
  if (windows === undefined)
    throw new SpecError({ at: "/windows", rule: `must be present to run "${request.id}" in a Windows VM` });
  const reader = new AnnotationReader(request.spec.annotations);
  const context = { vm, holdings, files: pod.environment.backend.files };
  const drivers = await phases.run("mounts", async (signal) => {
    const shared = await shareDrivers(context, request.spec, signal);
    await installDrivers(context, shared, signal);
    return shared;
  });
  const rootfs = await phases.run("layers", (signal) => rootFileSystem(init, signal));
  const document = await phases.run("mounts", (signal) =>
    makeDocument(init, windows, reader, { rootfs, drivers }, signal),
  );
  logWarnings(pod.environment.logger, request.id, reader.warnings);
  return phases.run("container-create", async (signal) => {
    const container = await vm.uvm.guest.createContainer(request.id, document, { signal });
    try {
      await giveAddress(init, container, signal);
      return container;
    } catch (error) {
      await abandon(init, container, phases);
      throw error;
    }
  });
}

/** A container that nobody will use; what goes wrong now is no longer what the client has to hear. */
async function abandon(
  { request, pod }: GuestContainerInit,
  container: GuestContainer,
  phases: Phases,
): Promise<void> {
  try {
    await phases.run("container-delete", async (signal) => {
      await container.terminate({ signal });
      await container.deleteState({ signal });
    });
  } catch (error) {
    pod.report(`container "${request.id}" stays in its guest`, error);
  }
}

async function makeDocument(
  init: GuestContainerInit,
  windows: Windows,
  reader: AnnotationReader,
  { rootfs, drivers }: { readonly rootfs: MountedLayers; readonly drivers: readonly string[] },
  signal: AbortSignal,
): Promise<WindowsContainerConfig | ConfidentialContainerConfig> {
  const { request, pod, vm, holdings } = init;
  const { backend, host, programDirectory } = pod.environment;
  const context = { vm, holdings, files: backend.files, programDirectory };
  const mounts = await guestMounts(context, request.spec.mounts, signal);
  const credentialGuard = await credentials(init, reader, windows, signal);
  const devices = await guestDevices(context, request.spec, signal);
  if (devices.length > 0) await installDrivers(context, drivers, signal);
  const deviceExtensions = await readDeviceExtensions(reader, host.build, backend.files, signal);
  const { processDumpLocation } = vm.options;
  const document = hostedDocument(reader, {
    id: request.id,
    spec: withKnownNetwork(request.spec, vm),
    placement: {
      kind: "vm",
      build: host.build,
      processors: vm.processors,
      hostProcessors: host.logicalProcessors,
      scaleProcessorLimit: request.scaleProcessorLimit,
      ...(processDumpLocation === "" ? {} : { processDumpLocation }),
    },
    ...rootfs,
    ...mounts,
    devices,
    deviceExtensions,
    credentialGuard,
    hostProcess: hostProcessPlace(request),
  });
  return vm.options.confidential === undefined
    ? document
    : { Spec: request.spec.document, CWCOWHostedSystem: document };
}

/** Networks that the pod brought are known to its guest by their ids. */
function withKnownNetwork(spec: Spec, { namespaces }: WindowsVm): Spec {
  const { windows } = spec;
  const networkNamespace = namespaces.get(windows?.networkNamespace ?? "");
  if (windows === undefined || networkNamespace === undefined) return spec;
  return { ...spec, windows: { ...windows, networkNamespace } };
}

function hostProcessPlace({ spec, options }: CreateRequest): HostProcessPlace | undefined {
  if (hostProcessKind(spec) !== "guest") return undefined;
  const rootPath = guestRootfsLocation(spec.annotations);
  return { dialect: options.hostProcessDialect, ...(rootPath === undefined ? {} : { rootPath }) };
}

/** The guest reaches the credentials by a service of the host, which the VM has to be let in on. */
async function credentials(
  { request, pod, vm, holdings }: GuestContainerInit,
  reader: AnnotationReader,
  windows: Windows,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof guardCredentials>>["CredentialGuard"]> {
  const spec = credentialSpec(reader, windows);
  if (spec === undefined) return undefined;
  const guard = await guardCredentials(
    pod.environment.backend,
    holdings,
    { containerId: request.id, credentialSpec: spec, transport: "HvSocket" },
    signal,
  );
  const service = guard.HvSocketConfig;
  if (service !== undefined) await allowService(vm.uvm, service.ServiceId, service.ServiceConfig, signal);
  return guard.CredentialGuard;
}

/** Sockets in the container are addressed by an id of its own, which the host redirects into the VM. */
async function giveAddress(
  { pod, vm, holdings }: GuestContainerInit,
  container: GuestContainer,
  signal: AbortSignal,
): Promise<void> {
  const { SystemGUID } = await container.properties({ PropertyTypes: ["SystemGUID"] }, { signal });
  if (SystemGUID === undefined) return;
  const systemId = SystemGUID.toLowerCase();
  const { hvSocket } = pod.environment.backend;
  await holdings.acquire(
    { kind: "address", key: `address:${systemId}`, data: { vm: vm.uvm.id, systemId } },
    () => hvSocket.registerContainer({ vmId: vm.uvm.runtimeId, systemId }, { signal }),
    (_budget, registration) => registration.close(),
  );
}
