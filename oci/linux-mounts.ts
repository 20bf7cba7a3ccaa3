/** What the mounts of a Linux container need before its guest can make them. */
import type { ScsiAttachment } from "../hcs/schema/compute-system.ts";
import { diskAttachment, isDiskMountType, type DiskMountType } from "./disk-mounts.ts";
import { SpecError } from "./errors.ts";
import type { Mount, Spec } from "./spec.ts";
import { pipeName } from "./windows/mounts.ts";

interface Placed {
  /** Index in the spec's mount list. */
  readonly index: number;
  readonly readOnly: boolean;
}

/** A file or directory of the host, which is shared with the VM. */
export interface ShareMount extends Placed {
  readonly kind: "share";
  readonly source: string;
  /** Where in the guest the share appears. */
  readonly guestDirectory: string;
}

/** A disk, which is attached to the VM. */
export interface DiskMount extends Placed {
  readonly kind: "disk";
  readonly disk: ScsiAttachment;
  readonly options: readonly string[];
  /** The container gets the device itself instead of the file system on it. */
  readonly blockDevice: boolean;
  /** The VM has to be given access to it first. */
  readonly needsAccess: boolean;
}

export type LinuxMount = ShareMount | DiskMount;

/** Sources with these schemes name something inside the VM; the guest resolves them. */
const GUEST_SCHEMES = ["sandbox://", "sandbox-tmp://", "uvm://"];
const HUGE_PAGES = "hugepages://";
/** The only size of huge pages that guests have. */
const HUGE_PAGE_SIZE = "2M";
const BLOCK_DEVICE = "blockdev://";

/**
 * The mounts that need something, in spec order. All others are the guest's own affair.
 *
 * @param containerRoot directory of the container in the guest
 * @throws {SpecError} for a mount that cannot be made
 */
export function linuxMounts(spec: Spec, containerRoot: string): LinuxMount[] {
  return spec.mounts.flatMap((mount, index): LinuxMount[] => {
    const at = `/mounts/${index}`;
    refusePipes(mount, at);
    const { type } = mount;
    if (isDiskMountType(type)) return [diskMount(type, mount, index)];
    if (!isBind(mount)) return [];
    const source = requireSource(mount, at);
    if (isInGuest(source, at)) return [];
    const guestDirectory = `${containerRoot}/mounts/m${index}`;
    return [{ kind: "share", index, readOnly: isReadOnly(mount), source, guestDirectory }];
  });
}

/** Without a type an option says that it is a bind mount, as everywhere else on Linux. */
function isBind(mount: Mount): boolean {
  if (mount.type === "bind") return true;
  return (mount.type ?? "") === "" && mount.options.some((option) => option === "bind" || option === "rbind");
}

function isReadOnly({ options }: Mount): boolean {
  return options.some((option) => option.toLowerCase() === "ro");
}

function diskMount(type: DiskMountType, mount: Mount, index: number): DiskMount {
  const at = `/mounts/${index}`;
  const readOnly = isReadOnly(mount);
  return {
    kind: "disk",
    index,
    readOnly,
    disk: diskAttachment(type, requireSource(mount, at), readOnly, at),
    options: mount.options,
    blockDevice: mount.destination.startsWith(BLOCK_DEVICE),
    // Whoever provides an extensible disk decides about access to it.
    needsAccess: type !== "extensible-virtual-disk",
  };
}

/** Whatever its type: a guest could only say that there is no such file. */
function refusePipes(mount: Mount, at: string): void {
  for (const end of ["source", "destination"] as const) {
    const value = mount[end] ?? "";
    if (pipeName(value) === undefined) continue;
    const rule =
      "must be no named pipe, which reaches Windows containers only: share a directory with a unix socket, or use Hyper-V sockets";
    throw new SpecError({ at: `${at}/${end}`, rule, value });
  }
}

function requireSource({ source, document }: Mount, at: string): string {
  if (source !== undefined && source !== "") return source;
  throw new SpecError({ at: `${at}/source`, rule: "must be present", value: document });
}

/** @throws {SpecError} for huge pages of a size that no guest has */
function isInGuest(source: string, at: string): boolean {
  if (source.startsWith(HUGE_PAGES)) {
    const [size, name] = source.slice(HUGE_PAGES.length).split("/");
    if (size === HUGE_PAGE_SIZE && name !== undefined) return true;
    const rule = `must be ${HUGE_PAGES}${HUGE_PAGE_SIZE}/<name>: guests have no huge pages of another size`;
    throw new SpecError({ at: `${at}/source`, rule, value: source });
  }
  return GUEST_SCHEMES.some((scheme) => source.startsWith(scheme));
}
