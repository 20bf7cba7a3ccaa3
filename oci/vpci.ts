/** Devices of the host that a VM is given whole: what `windows.devices` of a spec says about them. */
import type { VirtualPciDevice } from "../hcs/schema/compute-system.ts";
import { SpecError, type SpecWarning } from "./errors.ts";
import { optionalObjects, optionalString } from "./json.ts";
import type { Spec } from "./spec.ts";

export interface AssignedDevice {
  /** JSON pointer of its entry. */
  readonly at: string;
  /** Instance path of the device, with the number of a virtual function as its last element, perhaps. */
  readonly id: string;
  readonly idType: string;
}

/** Kinds of ids that name one device. */
const ASSIGNABLE = new Set(["vpci-instance-id", "vpci", "gpu"]);
const MOST_FUNCTIONS = 0xffff;
/** From this build on a VM learns which NUMA node a device is near to. */
const NUMA_AFFINITY_BUILD = 26_100;

function isAssignable({ idType }: AssignedDevice): boolean {
  return ASSIGNABLE.has(idType);
}

/** The devices of a spec, in order. */
export function specDevices({ windows }: Spec): AssignedDevice[] {
  const devices = windows && optionalObjects(windows.document, "devices", "/windows");
  return (devices ?? []).map((device, index) => {
    const at = `/windows/devices/${index}`;
    return {
      at,
      id: optionalString(device, "id", at) ?? "",
      idType: optionalString(device, "idType", at) ?? "",
    };
  });
}

/** The devices that a pod's VM starts with; what cannot be given to a VM is left out with a warning. */
export function podDevices(spec: Spec, warnings: SpecWarning[]): AssignedDevice[] {
  return specDevices(spec).filter((device) => {
    if (isAssignable(device)) return true;
    warnings.push({
      kind: "pod-device-type-skipped",
      at: `${device.at}/idType`,
      message: "ignored: a VM can be given devices by instance path alone",
      value: device.idType,
    });
    return false;
  });
}

/** The devices of a container in a Linux VM. @throws {SpecError} for a kind that cannot be given to a VM */
export function assignableDevices(spec: Spec): AssignedDevice[] {
  return specDevices(spec).map((device) => {
    if (isAssignable(device)) return device;
    const rule = `must be one of ${[...ASSIGNABLE].join(", ")}`;
    throw new SpecError({ at: `${device.at}/idType`, rule, value: device.idType });
  });
}

/** What tells one device, or one function of it, from others. */
export function deviceKey(device: AssignedDevice): string {
  const { path, virtualFunction } = splitInstancePath(device.id);
  return `${path}#${virtualFunction}`;
}

/** @param build Windows build of the host */
export function virtualPciDevice(device: AssignedDevice, build: number): VirtualPciDevice {
  const { path, virtualFunction } = splitInstancePath(device.id);
  return {
    Functions: [
      {
        DeviceInstancePath: path,
        ...(virtualFunction === 0 ? {} : { VirtualFunction: virtualFunction }),
      },
    ],
    ...(build >= NUMA_AFFINITY_BUILD ? { PropagateNumaAffinity: true } : {}),
  };
}

/** A last element that is a number of 16 bits is that of a function; anything else belongs to the path. */
function splitInstancePath(id: string): { readonly path: string; readonly virtualFunction: number } {
  const match = /^(.+)[\\/]([0-9]+)$/.exec(id);
  const path = match?.[1];
  const virtualFunction = Number(match?.[2]);
  return path === undefined || virtualFunction > MOST_FUNCTIONS
    ? { path: id, virtualFunction: 0 }
    : { path, virtualFunction };
}
