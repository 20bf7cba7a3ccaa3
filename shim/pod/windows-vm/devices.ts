/**
 * Devices of the host in a container of a Windows VM: the VM is given the device, a tool in the VM says under which
 * places its children are, and those are what the container gets.
 */
import type { AssignedDevice } from "../../../hcs/schema/container.ts";
import type { Spec } from "../../../oci/spec.ts";
import { assignableDevices, type AssignedDevice as PciDevice } from "../../../oci/vpci.ts";
import { deviceAt } from "../../../oci/windows/devices.ts";
import { unlessGone } from "../vm/uvm.ts";
import { runInGuest } from "./guest-command.ts";
import { sharePath, type MountContext } from "./mounts.ts";

/** Tool of the installation that runs in VMs. */
const DEVICE_TOOL = "device-util.exe";
/** The bus under whose devices VMs find what they were given. */
const VPCI_BUS = "VMBUS\\{44c4f61d-4444-4400-9d52-802e27ede19f}";

export interface DeviceContext extends MountContext {
  /** Where {@link DEVICE_TOOL} is. */
  readonly programDirectory: string;
}

/** What it had acquired when it fails is in the holdings. @throws {SpecError} */
export async function guestDevices(
  context: DeviceContext,
  spec: Spec,
  signal: AbortSignal,
): Promise<AssignedDevice[]> {
  const devices = assignableDevices(spec);
  if (devices.length === 0) return [];
  const hostPath = context.vm.paths.join(context.programDirectory, DEVICE_TOOL);
  const tool = await sharePath(context, { hostPath, containerPath: DEVICE_TOOL, readOnly: true }, signal);
  const assigned: AssignedDevice[] = [];
  for (const device of devices) {
    const busId = await assign(context, device, signal);
    const command = `${tool.HostPath} children --parentID=${VPCI_BUS}\\{${busId}} --property=location`;
    const places = await runInGuest(context.vm.uvm, command, "stdout", signal);
    assigned.push(...locations(places).map(deviceAt));
  }
  return assigned;
}

function locations(output: string): string[] {
  return output
    .trim()
    .split(",")
    .map((place) => place.trim())
    .filter((place) => place !== "");
}

/** @returns the id under which the VM knows it */
async function assign(
  { vm, holdings }: DeviceContext,
  device: PciDevice,
  signal: AbortSignal,
): Promise<string> {
  const given = vm.pci.reserve(device);
  const { id } = vm.uvm;
  await holdings.acquire(
    { kind: "device", key: `device:${id}/${given.vmBusId}/${device.at}`, data: { vm: id, id: device.id } },
    () => given.acquire(signal),
    (budget) => unlessGone(vm.uvm, () => given.release(budget)),
  );
  return given.vmBusId;
}
