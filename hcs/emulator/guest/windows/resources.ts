/** ModifySettings of a Windows guest: of the VM, by resource type; of a container, by resource path. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  CONTAINER_MAPPED_DIRECTORIES,
  CONTAINER_MEMORY,
  CONTAINER_PROCESSOR,
  type ContainerProcessor,
  type MappedDirectory,
} from "../../../schema/container.ts";
import { mount } from "../../../posix/libc.ts";
import { unmountDirectly } from "../../storage/storage.ts";
import { unmountTree } from "../../storage/unmount-tree.ts";
import { CONTAINER_MEMORY_SIZE, CONTAINER_PROCESSORS, MAPPED_DIRECTORY } from "../../windows/document.ts";
import { composeDrive, scratchPaths } from "../../windows/prefix.ts";
import { deviceAt } from "../devices.ts";
import { GuestError, RESULT } from "../errors.ts";
import { readShape } from "../requests.ts";
import type { WindowsAgent } from "./agent.ts";
import { checkStrictly, SETTINGS } from "./requests.ts";

type Change = (agent: WindowsAgent, settings: unknown) => void | Promise<void>;
type Resource = Readonly<Partial<Record<string, Change>>>;

/** The disk of a LUN of the only controller (oci/documents/windows-vm.ts). */
const DISKS = "/run/shares/disks";
const CONTROLLER = "df6d0690-79e5-55b6-a5ec-c1e2f77f580a";
const DISK_MOUNTS = "/run/gcs/disks";

const nothing: Change = () => undefined;

const RESOURCES: Readonly<Record<string, Resource>> = {
  HvSocket: { Update: nothing },
  MappedVirtualDisk: {
    Add: (agent, settings) => {
      const { ContainerPath = "", Lun = 0 } = readShape(SETTINGS.mappedDisk, settings, "MappedVirtualDisk");
      const directory = join(DISK_MOUNTS, String(Lun));
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const { path } = deviceAt(join(DISKS, `scsi-${CONTROLLER}-${Lun}`));
      mount({ source: path, target: directory, type: "ext4" });
      agent.volumes.add(ContainerPath, directory);
    },
    Remove: async (agent, settings) => {
      const { ContainerPath = "", Lun = 0 } = readShape(SETTINGS.mappedDisk, settings, "MappedVirtualDisk");
      agent.volumes.remove(ContainerPath);
      await unmountTree(join(DISK_MOUNTS, String(Lun)), unmountDirectly);
    },
  },
  MappedDirectory: {
    Add: (agent, settings) => {
      const { HostPath = "", ContainerPath = "" } = readShape(
        SETTINGS.mappedDirectory,
        settings,
        "MappedDirectory",
      );
      agent.volumes.add(ContainerPath, agent.volumes.find(HostPath));
    },
    Remove: (agent, settings) => {
      const { ContainerPath = "" } = readShape(SETTINGS.mappedDirectory, settings, "MappedDirectory");
      agent.volumes.remove(ContainerPath);
    },
  },
  CombinedLayers: {
    Add: (agent, settings) => {
      const { ContainerRootPath = "", Layers = [] } = readShape(
        SETTINGS.combinedLayers,
        settings,
        "CombinedLayers",
      );
      const layers = Layers.map(({ Path = "" }) => agent.volumes.find(Path));
      composeDrive(agent.volumes.findScratch(ContainerRootPath), layers, agent.template);
    },
    Remove: async (agent, settings) => {
      const { ContainerRootPath = "" } = readShape(SETTINGS.combinedLayers, settings, "CombinedLayers");
      await unmountTree(scratchPaths(agent.volumes.findScratch(ContainerRootPath)).drive, unmountDirectly);
    },
  },
  NetworkNamespace: {
    Add: (agent, settings) =>
      agent.networks.addNamespace(readShape(SETTINGS.namespace, settings, "NetworkNamespace").ID ?? ""),
    Remove: (agent, settings) =>
      agent.networks.removeNamespace(readShape(SETTINGS.namespace, settings, "NetworkNamespace").ID ?? ""),
  },
  Network: { Add: changeAdapter, Remove: changeAdapter },
};

/** The request inside says what is meant. */
function changeAdapter(agent: WindowsAgent, settings: unknown): void {
  const request = readShape(SETTINGS.network, settings, "Network");
  const { AdapterId = "", RequestType } = request;
  if (RequestType === "PreAdd") {
    const { HostComputeNamespace = "" } = readShape(
      SETTINGS.endpoint,
      request.Settings,
      "HostComputeEndpoint",
    );
    agent.networks.announceAdapter(AdapterId, HostComputeNamespace);
  } else if (RequestType === "Remove") agent.networks.removeAdapter(AdapterId);
  else agent.networks.addAdapter(AdapterId);
}

export async function modifyWindowsVm(
  agent: WindowsAgent,
  resourceType = "",
  requestType = "Add",
  settings: unknown,
): Promise<void> {
  // An adapter's removal names no resource: the request inside says it all.
  const resource = RESOURCES[resourceType === "" ? "Network" : resourceType];
  const change = resource?.[requestType];
  if (change === undefined)
    throw new GuestError(RESULT.notImplemented, `${requestType} ${resourceType} is not supported`);
  await change(agent, settings);
}

/** Of a container that runs, by resource path. */
const CONTAINER_RESOURCES: Readonly<
  Record<string, (agent: WindowsAgent, id: string, settings: unknown) => void | Promise<void>>
> = {
  [CONTAINER_MEMORY]: (agent, id, settings) => {
    checkStrictly(settings, CONTAINER_MEMORY_SIZE);
    return agent.get(id).setLimits({ memoryMb: settings as number });
  },
  [CONTAINER_PROCESSOR]: (agent, id, settings) => {
    checkStrictly(settings, CONTAINER_PROCESSORS);
    return agent.get(id).setLimits(agent.processorLimits(settings as ContainerProcessor));
  },
  [CONTAINER_MAPPED_DIRECTORIES]: (agent, id, settings) => {
    checkStrictly(settings, MAPPED_DIRECTORY);
    agent.addMappedDirectory(id, settings as MappedDirectory);
  },
};

export async function modifyWindowsContainer(
  agent: WindowsAgent,
  id: string,
  path = "",
  settings: unknown,
): Promise<void> {
  const change = CONTAINER_RESOURCES[path];
  if (change === undefined)
    throw new GuestError(RESULT.notImplemented, `container resource "${path}" is not supported`);
  await change(agent, id, settings);
}
