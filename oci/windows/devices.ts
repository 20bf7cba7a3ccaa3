/** Devices of the host that a Windows container gets. */
import type { AssignedDevice, DeviceExtension } from "../../hcs/schema/container.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import { deviceExtensions } from "../annotations/windows-container.ts";
import { SpecError } from "../errors.ts";
import { isObject, type JsonObject } from "../json.ts";
import type { WindowsDevice } from "./spec.ts";

/** Kind of id in the spec → device of the document, for containers that run on the host. */
const HOST_DEVICES: ReadonlyMap<string, (id: string) => AssignedDevice> = new Map<
  string,
  (id: string) => AssignedDevice
>([
  ["class", (id) => ({ InterfaceClassGuid: id })],
  ["vpci-class-guid", (id) => ({ InterfaceClassGuid: id })],
  ["vpci-location-path", deviceAt],
]);

/** A device by its place in the tree. */
export function deviceAt(locationPath: string): AssignedDevice {
  return { Type: "DeviceInstance", LocationPath: locationPath };
}

/** @throws {SpecError} for a device that only a VM can be given */
export function hostDevices(devices: readonly WindowsDevice[]): AssignedDevice[] {
  return devices.map(({ id, idType }, index) => {
    const assigned = HOST_DEVICES.get(idType);
    if (assigned !== undefined) return assigned(id);
    throw new SpecError({
      at: `/windows/devices/${index}/idType`,
      rule: `must be one of ${[...HOST_DEVICES.keys()].join(", ")} in process isolation`,
      value: idType,
    });
  });
}

const EXTENSIONS_BUILD = 20348;

/**
 * Files of the host with one device extension each.
 *
 * @throws {SpecError} when this build has no device extensions
 */
export function deviceExtensionFiles(reader: AnnotationReader, build: number): string[] {
  const files = reader.read(deviceExtensions) ?? [];
  if (files.length === 0) return [];
  if (build < EXTENSIONS_BUILD) {
    throw new SpecError({
      at: `annotation ${deviceExtensions.key}`,
      rule: `device extensions need build ${EXTENSIONS_BUILD}, this host has ${build}`,
      value: files,
    });
  }
  return [...files];
}

/** What is taken from a device extension file: a table of members, each with how it is read. */
type Shape = Readonly<Record<string, Reader>>;
type Reader = (value: unknown, at: string) => unknown;

const scalar =
  (type: "string" | "boolean" | "number"): Reader =>
  (value, at) => {
    if (typeof value !== type) throw new SpecError({ at, rule: `must be a ${type}`, value });
    return value === "" || value === false || value === 0 ? undefined : value;
  };

const object =
  (shape: Shape): Reader =>
  (value, at) => {
    if (!isObject(value)) throw new SpecError({ at, rule: "must be an object", value });
    return readShape(shape, value, at);
  };

const list =
  (read: Reader): Reader =>
  (value, at) => {
    if (!Array.isArray(value)) throw new SpecError({ at, rule: "must be an array", value });
    return value.length === 0 ? undefined : value.map((entry, index) => read(entry, `${at}/${index}`));
  };

const EXTENSION: Shape = {
  device_category: object({
    name: scalar("string"),
    interface_class: list(
      object({ type: scalar("string"), identifier: scalar("string"), recurse: scalar("boolean") }),
    ),
  }),
  namespace: object({
    ob: object({
      shadow: scalar("string"),
      symlink: list(
        object({
          name: scalar("string"),
          path: scalar("string"),
          scope: scalar("string"),
          pathtoclone: scalar("string"),
          access_mask: scalar("number"),
        }),
      ),
    }),
    device: object({ requires_driverstore: scalar("boolean") }),
  }),
};

/**
 * Reads one device extension file. Members it does not know are left out, because the document refuses them; names
 * match in any letter case.
 *
 * @throws {SpecError} naming the file
 */
export function parseDeviceExtension(text: string, file: string): DeviceExtension {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new SpecError({
      at: `device extension ${file}`,
      rule: `is not JSON: ${(cause as Error).message}`,
      cause,
    });
  }
  return object(EXTENSION)(document, `device extension ${file}`) as DeviceExtension;
}

function readShape(shape: Shape, value: JsonObject, at: string): JsonObject {
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const name = key.toLowerCase();
    const read = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (read === undefined || member === null) continue;
    const taken = read(member, `${at}/${name}`);
    if (taken === undefined) delete result[name];
    else result[name] = taken;
  }
  return result;
}
