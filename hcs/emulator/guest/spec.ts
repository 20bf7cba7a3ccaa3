/**
 * Preparing an OCI spec for runc. The host has written it for the guest, but what only the guest knows is missing:
 * where the pod's files lie, who its users are, which devices it has.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { allDevices, deviceAt, ruleFor } from "./devices.ts";
import { ANNOTATION, coreLimitOf, isSet, shmSizeKbOf, type ContainerType } from "./annotations.ts";
import { GuestError, RESULT } from "./errors.ts";
import { makeContainerSockets } from "./hv-sockets.ts";
import { isInVm, ownPath } from "./guest-path.ts";
import { NETWORK_FILES } from "./network-files.ts";
import type { OciLinux, OciSpec } from "./oci.ts";
import { logDirectory, resolveMountSource, type Pod } from "./sandbox.ts";
import { resolveUser } from "./users.ts";

export interface SpecContext {
  readonly id: string;
  readonly type: ContainerType;
  readonly pod: Pod;
  /** Absolute path of the container's cgroup below every hierarchy. */
  readonly cgroup: string;
  /** Network namespace for a sandbox or standalone container; undefined leaves the spec's own. */
  readonly networkPath: string | undefined;
}

/** In front of the destination of a mount that is a block device. */
const BLOCK_DEVICE = "blockdev://";

/** One change to the spec, which is a copy of the host's. */
type Step = (spec: OciSpec, context: SpecContext) => void;

const STEPS: Readonly<Record<ContainerType, readonly Step[]>> = {
  sandbox: [resolveProcessUser, limitCores, joinNetwork],
  workload: [
    refuseHostname,
    resolveProcessUser,
    bindNetworkFiles,
    resolveMounts,
    resizeSharedMemory,
    limitCores,
    useGuestDevices,
    joinNetwork,
  ],
  standalone: [bindNetworkFiles, joinNetwork],
};

/** The spec for runc: a changed copy of `spec`. Makes the directories that its mounts name. */
export function prepareSpec(spec: OciSpec, context: SpecContext): OciSpec {
  const copy = structuredClone(spec);
  refuseForeignPaths(copy);
  for (const step of STEPS[context.type]) step(copy, context);
  mountLogs(copy, context);
  offerHvSockets(copy, context);
  isolateMounts(copy);
  linuxOf(copy).cgroupsPath = context.cgroup;
  delete copy.windows;
  return copy;
}

/** A spec without a `linux` section gets one. */
function linuxOf(spec: OciSpec): OciLinux {
  spec.linux ??= {};
  return spec.linux;
}

/** The root file system and the sources of bind mounts must be the VM's: what the host has not shared is not there. */
function refuseForeignPaths(spec: OciSpec): void {
  if (spec.root?.path !== undefined) ownPath(spec.root.path, "root path");
  for (const { destination, type, source = "", options = [] } of spec.mounts ?? []) {
    const isBind = type === "bind" || options.includes("bind") || options.includes("rbind");
    if (!isBind || !source.startsWith("/") || isInVm(source)) continue;
    const reason = `source "${source}" is not in the VM: the host has not shared it`;
    throw new GuestError(RESULT.failed, `cannot mount "${destination}": ${reason}`);
  }
}

/** A container without a mount namespace of its own would mount its file systems over the VM's. */
function isolateMounts(spec: OciSpec): void {
  const linux = linuxOf(spec);
  const namespaces = linux.namespaces ?? [];
  if (!namespaces.some(({ type }) => type === "mount")) linux.namespaces = [...namespaces, { type: "mount" }];
}

function refuseHostname(spec: OciSpec, { id }: SpecContext): void {
  if (spec.hostname === undefined || spec.hostname === "") return;
  throw new GuestError(RESULT.failed, `workload container "${id}" must not have a hostname: its pod has one`);
}

function resolveProcessUser(spec: OciSpec): void {
  const user = spec.process?.user;
  if (user?.username === undefined || user.username === "") return;
  Object.assign(user, resolveUser(spec.root?.path ?? "/", user.username));
}

function limitCores(spec: OciSpec): void {
  const limit = coreLimitOf(spec);
  if (limit === undefined || spec.process === undefined) return;
  const others = (spec.process.rlimits ?? []).filter(({ type }) => type !== limit.type);
  spec.process.rlimits = [...others, limit];
}

function joinNetwork(spec: OciSpec, { pod, networkPath }: SpecContext): void {
  if (!pod.hostNetwork && networkPath === undefined) return;
  const linux = linuxOf(spec);
  const others = (linux.namespaces ?? []).filter(({ type }) => type !== "network");
  linux.namespaces =
    pod.hostNetwork || networkPath === undefined
      ? others
      : [...others, { type: "network", path: networkPath }];
}

/** Mounts the pod's hostname, hosts and resolv.conf, unless the spec mounts something there. */
function bindNetworkFiles(spec: OciSpec, { pod }: SpecContext): void {
  const options = ["bind", ...(spec.root?.readonly === true ? ["ro"] : [])];
  for (const name of NETWORK_FILES) {
    const destination = `/etc/${name}`;
    if (spec.mounts?.some((mount) => mount.destination === destination) === true) continue;
    addMount(spec, { destination, type: "bind", source: join(pod.root, name), options });
  }
}

function resolveMounts(spec: OciSpec, { pod }: SpecContext): void {
  for (const mount of spec.mounts ?? []) {
    if (mount.destination.startsWith(BLOCK_DEVICE)) bindBlockDevice(spec, mount);
    const source = resolveMountSource(mount.source ?? "", pod.root);
    if (source !== undefined) mount.source = source;
  }
}

/** A disk that the container gets as a device: the source is the link to it, and the container may use it. */
function bindBlockDevice(spec: OciSpec, mount: NonNullable<OciSpec["mounts"]>[number]): void {
  const readOnly = mount.options?.includes("ro") === true;
  const rule = { ...ruleFor(deviceAt(mount.source ?? "")), access: readOnly ? "r" : "rwm" };
  const linux = linuxOf(spec);
  linux.resources = { ...linux.resources, devices: [...(linux.resources?.devices ?? []), rule] };
  mount.destination = mount.destination.slice(BLOCK_DEVICE.length);
}

function resizeSharedMemory(spec: OciSpec): void {
  const sizeKb = shmSizeKbOf(spec);
  if (sizeKb === undefined) return;
  const destination = "/dev/shm";
  const others = (spec.mounts ?? []).filter((mount) => mount.destination !== destination);
  const options = ["nosuid", "noexec", "nodev", "mode=1777", `size=${sizeKb}k`];
  spec.mounts = [...others, { destination, type: "tmpfs", source: "shm", options }];
}

/** The devices that a spec names are those of the guest with that path; privileged containers have all of them. */
function useGuestDevices(spec: OciSpec): void {
  const linux = linuxOf(spec);
  const privileged = isSet(spec, ANNOTATION.privileged);
  const named = linux.devices ?? [];
  if (named.length === 0 && !privileged) return;
  const devices = privileged ? allDevices() : named.map(({ path }) => deviceAt(path));
  const rules = privileged ? [{ allow: true, access: "rwm" }] : devices.map(ruleFor);
  linux.devices = devices;
  linux.resources = { ...linux.resources, devices: [...(linux.resources?.devices ?? []), ...rules] };
}

function mountLogs(spec: OciSpec, { pod }: SpecContext): void {
  const destination = spec.annotations?.[ANNOTATION.teeLogMount];
  if (destination === undefined || destination === "") return;
  const source = logDirectory(pod.root);
  mkdirSync(source, { recursive: true });
  addMount(spec, { destination, type: "bind", source, options: ["rbind"] });
}

function offerHvSockets(spec: OciSpec, { id }: SpecContext): void {
  const destination = spec.annotations?.[ANNOTATION.hvSockets];
  if (destination === undefined || destination === "") return;
  addMount(spec, { destination, type: "bind", source: makeContainerSockets(id), options: ["bind"] });
}

function addMount(spec: OciSpec, mount: NonNullable<OciSpec["mounts"]>[number]): void {
  spec.mounts = [...(spec.mounts ?? []), mount];
}
