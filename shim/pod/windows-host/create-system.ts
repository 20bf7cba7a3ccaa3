/** Makes the compute system of a container on the host: layers, mounts, credentials, document. */
import type { ComputeSystem, ComputeSystems } from "../../../hcs/api.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import type { ContainerConfigurationV1 } from "../../../hcs/schema/container.ts";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import {
  containerConfigurationV1,
  processIsolatedDocument,
  SCHEMA_2_BUILD,
  type WindowsContainerInputs,
} from "../../../oci/documents/windows-container.ts";
import { SpecError } from "../../../oci/errors.ts";
import { hostDevices } from "../../../oci/windows/devices.ts";
import { credentialSpec } from "../../../oci/windows/gmsa.ts";
import { checkAffinity } from "../../../oci/windows/resources.ts";
import type { Windows } from "../../../oci/windows/spec.ts";
import type { Phases } from "../../phases/phases.ts";
import { logWarnings } from "../warnings.ts";
import { guardCredentials } from "../windows/credential-guard.ts";
import { readDeviceExtensions } from "../windows/device-extensions.ts";
import { namespaceOf } from "../windows/own-namespace.ts";
import { setAffinity } from "./affinity.ts";
import { unlessStopped } from "./end.ts";
import type { MountedLayers } from "../windows/layers.ts";
import { rootFileSystem, type RootInit } from "./layers.ts";
import { hostMounts } from "./mounts.ts";

type SystemDocument = Parameters<ComputeSystems["create"]>[1];

/** On failure everything it had acquired is in the holdings. */
export async function createSystem(init: RootInit, phases: Phases): Promise<ComputeSystem> {
  const { request, pod, holdings } = init;
  const { backend, host, logger } = pod.environment;
  const { windows } = request.spec;
  if (windows === undefined)
    throw new SpecError({ at: "/windows", rule: `must be present to run "${request.id}" on a Windows host` });
  const reader = new AnnotationReader(request.spec.annotations);
  const affinity = windows.resources.cpuAffinity ?? [];
  const layers = await phases.run("layers", (signal) => rootFileSystem(init, signal));
  const isFlat = host.build < SCHEMA_2_BUILD;
  const connected = isFlat ? init : await withNetwork(init, windows, phases);
  const document = await phases.run<SystemDocument>("mounts", (signal) =>
    (isFlat ? flatConfiguration : containerDocument)(connected, windows, reader, layers, signal),
  );
  checkAffinity(affinity, host.build, "/windows/resources/cpu");
  logWarnings(logger, request.id, reader.warnings);
  return phases.run("container-create", async (signal) => {
    const system = await holdings.acquire(
      { kind: "system", key: `system:${request.id}`, data: { id: request.id } },
      async () => new OwnedSystem(await backend.computeSystems.create(request.id, document, { signal })),
      (budget, owned) => owned.release(budget),
    );
    if (affinity.length > 0) await setAffinity(backend.jobs, request.id, affinity, signal);
    return system.handle;
  });
}

/** In documents of schema 1 HCS makes what the container lacks. */
async function withNetwork(init: RootInit, windows: Windows, phases: Phases): Promise<RootInit> {
  const { request, pod, holdings } = init;
  const { network } = pod.environment.backend;
  const networkNamespace = await phases.run("network", (signal) =>
    namespaceOf(request.spec, network, holdings, signal),
  );
  if (networkNamespace === undefined) return init;
  return {
    ...init,
    request: { ...request, spec: { ...request.spec, windows: { ...windows, networkNamespace } } },
  };
}

/** A compute system that ends with its owner's interest in it. */
class OwnedSystem {
  readonly handle: ComputeSystem;
  #hasExited = false;

  constructor(handle: ComputeSystem) {
    this.handle = handle;
    void handle.exited.then(() => (this.#hasExited = true));
  }

  /** By now it has ended, unless something failed: then it is made to. */
  async release(signal: AbortSignal): Promise<void> {
    if (!this.#hasExited) await unlessStopped(this.handle.terminate({ signal }));
    await this.handle.close();
  }
}

async function containerDocument(
  init: RootInit,
  windows: Windows,
  reader: AnnotationReader,
  layers: MountedLayers,
  signal: AbortSignal,
): Promise<ComputeSystemDocument> {
  const { request, pod, holdings } = init;
  const { backend, host, owner } = pod.environment;
  const mounts = await hostMounts(request.spec.mounts, "resolved", backend.files, signal);
  const devices = hostDevices(windows.devices);
  const deviceExtensions = await readDeviceExtensions(reader, host.build, backend.files, signal);
  const credentials = credentialSpec(reader, windows);
  const guard =
    credentials === undefined
      ? undefined
      : await guardCredentials(
          backend,
          holdings,
          { containerId: request.id, credentialSpec: credentials, transport: "LRPC" },
          signal,
        );
  return processIsolatedDocument(
    reader,
    {
      ...commonInputs(init),
      ...layers,
      ...mounts,
      devices,
      deviceExtensions,
      credentialGuard: guard?.CredentialGuard,
    },
    owner,
  );
}

async function flatConfiguration(
  init: RootInit,
  windows: Windows,
  reader: AnnotationReader,
  layers: MountedLayers,
  signal: AbortSignal,
): Promise<ContainerConfigurationV1> {
  const { request, pod } = init;
  const { backend, owner } = pod.environment;
  const mounts = await hostMounts(request.spec.mounts, "as-given", backend.files, signal);
  const inputs = { ...commonInputs(init), ...layers, ...mounts };
  return containerConfigurationV1(reader, inputs, owner, credentialSpec(reader, windows));
}

function commonInputs({ request, pod }: RootInit): Pick<WindowsContainerInputs, "id" | "spec" | "placement"> {
  const { build, logicalProcessors: processors } = pod.environment.host;
  return { id: request.id, spec: request.spec, placement: { kind: "host", build, processors } };
}
