/**
 * GUIDs that follow from a name (RFC 4122, version 5: SHA-1 of a namespace and the name). The layer filter knows a
 * layer by such a GUID of its folder's name.
 */
import { createHash } from "node:crypto";
import { win32 } from "node:path";

/** What `NameToGuid` of vmcompute.dll hashes names under. */
const LAYER_NAMESPACE = "800872c5-909c-403a-89c9-931fe5e2fd08";

/** Volumes of mounted CIMs are named after the container they are for, so that they can be found after a crash. */
const CIM_VOLUME_NAMESPACE = "6827367b-c388-4e9b-961c-6d2c936c0000";

/** Lower-case GUID of the layer in `folder`: of the last component of its path, taken as it is. */
export function layerId(folder: string): string {
  return nameGuid(LAYER_NAMESPACE, Buffer.from(win32.basename(folder), "utf16le"));
}

/** Lower-case GUID of the volume that a container's CIM is mounted on. */
export function cimVolumeId(containerId: string): string {
  return nameGuid(CIM_VOLUME_NAMESPACE, Buffer.from(containerId, "utf8"));
}

/** Lower-case GUID of a name among the names of a namespace. */
export function nameGuid(namespace: string, name: Uint8Array): string {
  const prefix = Buffer.from(namespace.replaceAll("-", ""), "hex");
  const bytes = createHash("sha1").update(prefix).update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
