/** Mounts whose source is a disk that a VM gets: how the host is to attach it. */
import type { ScsiAttachment } from "../hcs/schema/compute-system.ts";
import { SpecError } from "./errors.ts";

/** Type of a mount → type of the attachment. */
const DISK_TYPES: Readonly<Record<DiskMountType, ScsiAttachment["Type"]>> = {
  "physical-disk": "PassThru",
  "virtual-disk": "VirtualDisk",
  "extensible-virtual-disk": "ExtensibleVirtualDisk",
};

export type DiskMountType = "physical-disk" | "virtual-disk" | "extensible-virtual-disk";

export function isDiskMountType(type: string | undefined): type is DiskMountType {
  return type !== undefined && Object.hasOwn(DISK_TYPES, type);
}

/** `evd://<provider>/<path>` */
const EXTENSIBLE_SOURCE = /^evd:\/\/([^/]+)\/(.+)$/s;

/**
 * @param at JSON pointer of the mount
 * @throws {SpecError} for an extensible disk whose source names no provider
 */
export function diskAttachment(
  type: DiskMountType,
  source: string,
  readOnly: boolean,
  at: string,
): ScsiAttachment {
  const mode = readOnly ? { ReadOnly: true } : {};
  const Type = DISK_TYPES[type];
  if (Type !== "ExtensibleVirtualDisk") return { Type, Path: source, ...mode };
  const [, provider, path] = EXTENSIBLE_SOURCE.exec(source) ?? [];
  if (provider === undefined || path === undefined)
    throw new SpecError({ at: `${at}/source`, rule: "must be evd://<provider>/<path>", value: source });
  return { Type, Path: path, ...mode, ExtensibleVirtualDiskType: provider };
}
