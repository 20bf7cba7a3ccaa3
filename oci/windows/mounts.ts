/** What the mounts of a Windows container are: told by their sources and destinations, not yet made. */
import { win32 } from "node:path";
import type { MappedPipe } from "../../hcs/schema/container.ts";
import { SpecError } from "../errors.ts";
import type { Mount } from "../spec.ts";

const PIPE_PREFIX = "\\\\.\\pipe\\";
const SANDBOX_SCHEME = "sandbox://";
const VM_SCHEME = "uvm://";
/** Where directories that containers of a pod share are, inside its VM. */
const SANDBOX_MOUNTS = "C:\\SandboxMounts";

interface Target {
  /** Path in the container. */
  readonly containerPath: string;
  readonly readOnly: boolean;
}

/** A file or directory of the host. */
export interface PathMount extends Target {
  readonly kind: "path";
  readonly hostPath: string;
}

export interface PipeMount {
  readonly kind: "pipe";
  /** `\\.\pipe\…` */
  readonly hostPath: string;
  /** Without `\\.\pipe\`. */
  readonly containerPipeName: string;
}

/** How a disk is attached to a VM. */
export type DiskMountType = "physical-disk" | "virtual-disk" | "extensible-virtual-disk";

/** A disk that a VM gets. */
export interface DiskMount extends Target {
  readonly kind: "disk";
  readonly type: DiskMountType;
  readonly source: string;
}

/** A directory inside the VM that containers of the pod share. */
export interface SandboxMount extends Target {
  readonly kind: "sandbox";
  readonly guestPath: string;
}

/** A pipe that another container of the pod, or the VM itself, serves. */
export interface VmPipeMount {
  readonly kind: "vm-pipe";
  /** Without `\\.\pipe\`. */
  readonly vmPipeName: string;
  readonly containerPipeName: string;
}

export type HostPlacedMount = PathMount | PipeMount;
export type VmPlacedMount = HostPlacedMount | DiskMount | SandboxMount | VmPipeMount;

/**
 * Mounts of a container on the host, in spec order. Types are not looked at.
 *
 * @throws {SpecError} for a mount without both ends, and a pipe with one
 */
export function hostPlacedMounts(mounts: readonly Mount[]): HostPlacedMount[] {
  return mounts.map((mount, index) => {
    const ends = endsOf(mount, index);
    return pipeMount(ends, index) ?? pathMount(ends);
  });
}

/**
 * Mounts of a container in a VM, in spec order.
 *
 * @throws {SpecError} as {@link hostPlacedMounts}, and for types and schemes that VMs do not know
 */
export function vmPlacedMounts(mounts: readonly Mount[]): VmPlacedMount[] {
  return mounts.map((mount, index) => {
    const ends = endsOf(mount, index);
    const type = mount.type ?? "";
    if (isDiskType(type)) return { kind: "disk", type, source: ends.source, ...targetOf(ends) };
    if (type !== "") {
      throw new SpecError({
        at: `/mounts/${index}/type`,
        rule: `must be empty or one of ${DISK_TYPES.join(", ")} in a VM`,
        value: type,
      });
    }
    if (ends.source.startsWith(SANDBOX_SCHEME)) {
      return { kind: "sandbox", guestPath: sandboxPath(ends.source, index), ...targetOf(ends) };
    }
    if (ends.source.startsWith(VM_SCHEME)) return vmPipeMount(ends, index);
    return pipeMount(ends, index) ?? pathMount(ends);
  });
}

/** How pipes stand in a document. */
export function mappedPipe({ hostPath, containerPipeName }: PipeMount): MappedPipe {
  return { ContainerPipeName: containerPipeName, HostPath: hostPath };
}

/** The name behind `\\.\pipe\`, whose letter case does not matter; undefined for what is no pipe. */
export function pipeName(path: string): string | undefined {
  return path.toLowerCase().startsWith(PIPE_PREFIX) ? path.slice(PIPE_PREFIX.length) : undefined;
}

interface Ends {
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
}

function endsOf(mount: Mount, index: number): Ends {
  for (const end of ["source", "destination"] as const) {
    if ((mount[end] ?? "") === "")
      throw new SpecError({
        at: `/mounts/${index}/${end}`,
        rule: "must not be empty: a mount needs both ends",
        value: mount.document,
      });
  }
  return {
    source: mount.source ?? "",
    destination: mount.destination,
    readOnly: mount.options.some((option) => option.toLowerCase() === "ro"),
  };
}

function targetOf({ destination, readOnly }: Ends): Target {
  return { containerPath: destination, readOnly };
}

function pathMount(ends: Ends): PathMount {
  return { kind: "path", hostPath: ends.source, ...targetOf(ends) };
}

function pipeMount({ source, destination }: Ends, index: number): PipeMount | undefined {
  const containerPipeName = pipeName(destination);
  const isPipe = pipeName(source) !== undefined;
  if (isPipe && containerPipeName !== undefined) return { kind: "pipe", hostPath: source, containerPipeName };
  // A pipe of the VM where there is no VM is as odd as a pipe that is to appear as a file.
  if (isPipe || containerPipeName !== undefined || isVmPipe(source))
    throw oddPipe(index, source, destination);
  return undefined;
}

function isVmPipe(source: string): boolean {
  return source.startsWith(VM_SCHEME) && pipeName(source.slice(VM_SCHEME.length)) !== undefined;
}

function vmPipeMount({ source, destination }: Ends, index: number): VmPipeMount {
  const vmPipeName = pipeName(source.slice(VM_SCHEME.length));
  if (vmPipeName === undefined) {
    throw new SpecError({
      at: `/mounts/${index}/source`,
      rule: `${VM_SCHEME} names pipes only: ${VM_SCHEME}${PIPE_PREFIX}<name>`,
      value: source,
    });
  }
  const containerPipeName = pipeName(destination);
  if (containerPipeName === undefined) throw oddPipe(index, source, destination);
  return { kind: "vm-pipe", vmPipeName, containerPipeName };
}

function oddPipe(index: number, source: string, destination: string): SpecError {
  return new SpecError({
    at: `/mounts/${index}`,
    rule: `a pipe is mounted as a pipe: source and destination both begin with ${PIPE_PREFIX}`,
    value: { source, destination },
    refusal: "invalid argument",
  });
}

const DISK_TYPES: readonly DiskMountType[] = ["physical-disk", "virtual-disk", "extensible-virtual-disk"];

function isDiskType(type: string): type is DiskMountType {
  return (DISK_TYPES as readonly string[]).includes(type);
}

function sandboxPath(source: string, index: number): string {
  const path = win32.join(SANDBOX_MOUNTS, source.slice(SANDBOX_SCHEME.length));
  const isInside = path === SANDBOX_MOUNTS || path.startsWith(`${SANDBOX_MOUNTS}\\`);
  if (isInside) return path;
  throw new SpecError({
    at: `/mounts/${index}/source`,
    rule: `must stay inside ${SANDBOX_SCHEME}`,
    value: source,
  });
}
