/**
 * What a Linux guest is told about a container: the OCI spec, rewritten from the host's view to the guest's.
 * Pure: the same spec gives the same document, and the spec given is not changed.
 */
import type { JsonObject } from "../json.ts";
import { isObject } from "../json.ts";
import type { Mount, Spec } from "../spec.ts";

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

/** A bind mount whose source is on the host: it has to be shared with the VM first. */
export interface HostMount {
  /** Index in the spec's mount list. */
  readonly index: number;
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
  /** Directory in the guest where the share of this mount appears. */
  readonly guestDirectory: string;
}

/** Sources with these schemes name something inside the VM; the guest resolves them. */
const GUEST_SCHEMES = ["sandbox://", "sandbox-tmp://", "uvm://", "hugepages://"];

/** The bind mounts of a container that come from the host, in spec order. */
export function hostMounts(spec: Spec, id: string): HostMount[] {
  return spec.mounts.flatMap((mount, index) => {
    const source = mount.source;
    if (!isBind(mount) || source === undefined || GUEST_SCHEMES.some((scheme) => source.startsWith(scheme)))
      return [];
    return [
      {
        index,
        source,
        destination: mount.destination,
        readOnly: mount.options.includes("ro"),
        guestDirectory: `${guestContainerRoot(id)}/mounts/m${index}`,
      },
    ];
  });
}

function isBind(mount: Mount): boolean {
  if (mount.type === "bind") return true;
  return (mount.type ?? "") === "" && mount.options.some((option) => option === "bind" || option === "rbind");
}

export interface LinuxContainerInputs {
  readonly id: string;
  readonly spec: Spec;
  /** Guest path of each host mount, by its index in the spec's mount list. */
  readonly mountSources: ReadonlyMap<number, string>;
  /** Id of the network namespace that the VM was given for this pod; undefined: the container brings its own. */
  readonly networkNamespace?: string;
}

export function linuxContainerDocument(inputs: LinuxContainerInputs): LinuxContainerDocument {
  const root = guestContainerRoot(inputs.id);
  return {
    SchemaVersion: { Major: 2, Minor: 1 },
    OciBundlePath: root,
    OciSpecification: guestSpec(inputs),
    ScratchDirPath: `${root}/scratch/${inputs.id}`,
  };
}

function guestSpec({ id, spec, mountSources, networkNamespace }: LinuxContainerInputs): JsonObject {
  const { windows: _windows, hooks: _hooks, linux, mounts, ...rest } = spec.document;
  const windows = guestWindows(spec, networkNamespace);
  return {
    ...rest,
    root: { ...(isObject(rest["root"]) ? rest["root"] : {}), path: guestRootfs(id) },
    ...(Array.isArray(mounts)
      ? {
          mounts: spec.mounts.map((mount, index) => {
            const source = mountSources.get(index);
            return source === undefined ? mount.document : { ...mount.document, source };
          }),
        }
      : {}),
    ...(isObject(linux) ? { linux: guestLinux(linux, networkNamespace !== undefined) } : {}),
    ...(windows === undefined ? {} : { windows }),
  };
}

/** Members of `linux.resources` that belong to the host and would not fit the guest's kernel. */
const HOST_RESOURCES = new Set(["devices", "pids", "blockIO", "hugepageLimits", "network"]);

function guestLinux(linux: JsonObject, networkFromVm: boolean): JsonObject {
  const { cgroupsPath: _cgroupsPath, resources, namespaces, ...rest } = linux;
  return {
    ...rest,
    ...(isObject(resources) ? { resources: guestResources(resources) } : {}),
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

function guestResources(resources: JsonObject): JsonObject {
  const kept = Object.entries(resources).filter(([member]) => !HOST_RESOURCES.has(member));
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

function guestWindows(spec: Spec, networkNamespace: string | undefined): JsonObject | undefined {
  const namespace = networkNamespace ?? spec.windows?.networkNamespace;
  if (namespace === undefined) return undefined;
  return { layerFolders: null, network: { networkNamespace: namespace } };
}
