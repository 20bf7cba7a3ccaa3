/**
 * What a Linux guest is told about a container: the OCI spec, rewritten from the host's view to the guest's.
 * Pure: the same spec gives the same document, and the spec given is not changed.
 */
import { privileged } from "../annotations/catalogue.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import type { JsonObject } from "../json.ts";
import { isObject } from "../json.ts";
import type { Spec } from "../spec.ts";
import { withoutGoZero } from "./go-zero.ts";
import { unlessEmpty } from "./omit.ts";

/** The container document that goes to a Linux guest with Create. */
export interface LinuxContainerDocument {
  SchemaVersion: { Major: number; Minor: number };
  /** Bundle directory in the guest. */
  OciBundlePath: string;
  OciSpecification: JsonObject;
  /** Where the guest keeps the container's overlay directories. */
  ScratchDirPath: string;
}

/** Directory of container `id` in the guest. */
export function guestContainerRoot(id: string): string {
  return `/run/gcs/c/${id}`;
}

/** Where the guest has the root file system of container `id`. */
export function guestRootfs(id: string): string {
  return `${guestContainerRoot(id)}/rootfs`;
}

/** Overlay directories of container `id` on a scratch that the guest has mounted at `mount`. */
export function guestScratch(mount: string, id: string): string {
  return `${mount}/scratch/${id}`;
}

/** A mount as the guest is to make it, where that differs from the spec. */
export interface GuestMount {
  readonly source: string;
  readonly type?: string;
}

export interface LinuxContainerInputs {
  readonly id: string;
  readonly spec: Spec;
  /** Reads the spec's annotations. */
  readonly reader: AnnotationReader;
  /** By index in the spec's mount list. */
  readonly mounts: ReadonlyMap<number, GuestMount>;
  readonly scratchPath: string;
  /** Id of the network namespace that the VM was given for this pod; undefined: the container brings its own. */
  readonly networkNamespace?: string;
  /** The limit of processes is the guest's to keep: upstream leaves it out. */
  readonly keepPids?: boolean;
  /** Devices the container has, by the ids that the guest knows. */
  readonly devices?: readonly { readonly vmBusId: string; readonly idType: string }[];
}

export function linuxContainerDocument(inputs: LinuxContainerInputs): LinuxContainerDocument {
  return {
    SchemaVersion: { Major: 2, Minor: 1 },
    OciBundlePath: guestContainerRoot(inputs.id),
    OciSpecification: withoutGoZero(guestSpec(inputs)),
    ScratchDirPath: inputs.scratchPath,
  };
}

function guestSpec(inputs: LinuxContainerInputs): JsonObject {
  const { id, spec, reader, mounts: guestMounts, networkNamespace, keepPids = false } = inputs;
  const { windows: _windows, hooks: _hooks, linux, mounts, ...rest } = spec.document;
  const windows = guestWindows(inputs);
  return {
    ...rest,
    root: { ...(isObject(rest["root"]) ? rest["root"] : {}), path: guestRootfs(id) },
    ...(Array.isArray(mounts)
      ? { mounts: spec.mounts.map(({ document }, index) => ({ ...document, ...guestMounts.get(index) })) }
      : {}),
    ...(isObject(linux)
      ? {
          linux: guestLinux(linux, {
            networkFromVm: networkNamespace !== undefined,
            isPrivileged: reader.read(privileged) ?? false,
            keepPids,
          }),
        }
      : {}),
    ...(windows === undefined ? {} : { windows }),
  };
}

/** Members of `linux.resources` that belong to the host and would not fit the guest's kernel. */
const HOST_RESOURCES = new Set(["devices", "pids", "blockIO", "hugepageLimits", "network"]);

interface GuestLinuxInputs {
  readonly networkFromVm: boolean;
  readonly isPrivileged: boolean;
  readonly keepPids: boolean;
}

function guestLinux(
  linux: JsonObject,
  { networkFromVm, isPrivileged, keepPids }: GuestLinuxInputs,
): JsonObject {
  const { cgroupsPath: _cgroupsPath, seccomp, resources, namespaces, ...rest } = linux;
  return {
    ...rest,
    ...(isPrivileged || seccomp === undefined ? {} : { seccomp }),
    ...(isObject(resources) ? { resources: guestResources(resources, keepPids) } : {}),
    ...(Array.isArray(namespaces)
      ? { namespaces: networkFromVm ? namespaces.map(withoutHostNetworkPath) : (namespaces as unknown[]) }
      : {}),
  };
}

/** The path of a network namespace means something on the host only; in the guest its id says which one it is. */
function withoutHostNetworkPath(namespace: unknown): unknown {
  if (!isObject(namespace) || namespace["type"] !== "network") return namespace;
  const { path: _path, ...rest } = namespace;
  return rest;
}

function guestResources(resources: JsonObject, keepPids: boolean): JsonObject {
  const isKept = (member: string): boolean => !HOST_RESOURCES.has(member) || (keepPids && member === "pids");
  const kept = Object.entries(resources).filter(([member]) => isKept(member));
  const result: Record<string, unknown> = Object.fromEntries(kept);
  const cpu = result["cpu"];
  if (isObject(cpu)) {
    result["cpu"] = {
      ...cpu,
      // 0 means "unset" to a client and "no time at all" to a kernel.
      ...(cpu["period"] === 0 ? { period: 100_000 } : {}),
      ...(cpu["quota"] === 0 ? { quota: -1 } : {}),
    };
  }
  return result;
}

/** All that a Linux guest reads of the section for Windows: its network and its devices. */
function guestWindows({
  spec,
  networkNamespace,
  devices = [],
}: LinuxContainerInputs): JsonObject | undefined {
  const namespace = networkNamespace ?? spec.windows?.networkNamespace;
  const members = unlessEmpty({
    ...(namespace === undefined ? {} : { network: { networkNamespace: namespace } }),
    ...(devices.length === 0
      ? {}
      : { devices: devices.map(({ vmBusId, idType }) => ({ id: vmBusId, idType })) }),
  });
  // The guest's own reader knows the list of layers as a member that is always there.
  return members === undefined ? undefined : { layerFolders: null, ...members };
}
