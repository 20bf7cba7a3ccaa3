/** ModifySettings of the VM: what the guest can add, remove and update. */
import type { Agent } from "./agent.ts";
import { addMappedDisk, addMemoryDevice, removeMappedDisk, removeMemoryDevice, unplugDisk } from "./disks.ts";
import { GuestError, RESULT } from "./errors.ts";
import {
  addCombinedLayers,
  addMappedDirectory,
  removeCombinedLayers,
  removeMappedDirectory,
} from "./mounts.ts";
import { readShape, SETTINGS } from "./requests.ts";

type Change = (agent: Agent, settings: unknown) => void | Promise<void>;

/** Request types by resource; what is not listed is not supported. */
type Resource = Readonly<Partial<Record<string, Change>>>;

const nothing: Change = () => undefined;

function refuse(reason: string): Change {
  return () => {
    throw new GuestError(RESULT.failed, reason);
  };
}

const noDevices = refuse("the emulated VM has no PCI devices");

const RESOURCES: Readonly<Record<string, Resource>> = {
  MappedDirectory: {
    Add: (_, settings) =>
      addMappedDirectory(readShape(SETTINGS.mappedDirectory, settings, "MappedDirectory")),
    Remove: (_, settings) =>
      removeMappedDirectory(readShape(SETTINGS.mappedDirectory, settings, "MappedDirectory")),
  },
  CombinedLayers: {
    Add: (_, settings) => addCombinedLayers(readShape(SETTINGS.combinedLayers, settings, "CombinedLayers")),
    Remove: (_, settings) =>
      removeCombinedLayers(readShape(SETTINGS.combinedLayers, settings, "CombinedLayers")),
  },
  Network: {
    Add: (agent, settings) => agent.networks.addAdapter(readShape(SETTINGS.network, settings, "Network")),
    Remove: (agent, settings) =>
      agent.networks.removeAdapter(readShape(SETTINGS.network, settings, "Network")),
  },
  MappedVirtualDisk: {
    Add: (agent, settings) =>
      addMappedDisk(readShape(SETTINGS.mappedDisk, settings, "MappedVirtualDisk"), agent.reaper),
    Remove: (_, settings) => removeMappedDisk(readShape(SETTINGS.mappedDisk, settings, "MappedVirtualDisk")),
  },
  SCSIDevice: { Remove: (_, settings) => unplugDisk(readShape(SETTINGS.mappedDisk, settings, "SCSIDevice")) },
  VPMemDevice: {
    Add: (_, settings) => addMemoryDevice(readShape(SETTINGS.memoryDevice, settings, "VPMemDevice")),
    Remove: (_, settings) => removeMemoryDevice(readShape(SETTINGS.memoryDevice, settings, "VPMemDevice")),
  },
  VPCIDevice: { Add: noDevices },
  SecurityPolicy: { Add: acceptOpenPolicy },
  SecurityPolicyFragment: { Add: refuse("the emulated guest enforces no security policy") },
  // The host itself sets the limit of the VM's cgroup.
  PodCgroupMemoryLimit: { Update: nothing },
};

/** A guest that enforces nothing must not pretend to: only a policy that allows everything is accepted. */
function acceptOpenPolicy(_: Agent, settings: unknown): void {
  const policy = readShape(SETTINGS.securityPolicy, settings, "SecurityPolicy");
  const enforcer = policy.EnforcerType ?? "";
  if ((policy.EncodedSecurityPolicy ?? "") === "" && (enforcer === "" || enforcer === "open_door")) return;
  throw new GuestError(
    RESULT.failed,
    `the emulated guest enforces no security policy: enforcer is "${enforcer}"`,
  );
}

export async function modifyVm(
  agent: Agent,
  resourceType: string | undefined,
  requestType: string | undefined,
  settings: unknown,
): Promise<void> {
  const resource = RESOURCES[resourceType ?? ""];
  if (resource === undefined)
    throw new GuestError(RESULT.failed, `invalid ResourceType "${resourceType ?? ""}"`);
  const change = resource[requestType === undefined || requestType === "" ? "Add" : requestType];
  if (change === undefined) {
    throw new GuestError(
      RESULT.failed,
      `the RequestType "${requestType ?? "Add"}" is not supported for ${resourceType ?? ""}`,
    );
  }
  await change(agent, settings ?? {});
}

/** ModifySettings of a container: its limits are all that can be changed. */
export async function modifyContainer(
  agent: Agent,
  id: string,
  resourceType: string | undefined,
  requestType: string | undefined,
  settings: unknown,
): Promise<void> {
  agent.containers.get(id);
  if (resourceType !== "ContainerConstraints" || requestType !== "Update") {
    const asked = `${requestType ?? "Add"} of ${resourceType ?? "nothing"}`;
    throw new GuestError(RESULT.failed, `${asked} is not supported for a container`);
  }
  const { Linux } = readShape(SETTINGS.constraints, settings ?? {}, "ContainerConstraints");
  if (Linux !== undefined) await agent.runc.update(id, Linux);
}
