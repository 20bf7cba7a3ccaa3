/** The smallest OCI spec of a Linux container that programs feel at home in. */
import type { JsonObject } from "../../../oci/json.ts";
import type { HostMount, IdRange, UserNamespace } from "../options/options.ts";

export interface LinuxSpecInit {
  readonly hostname: string;
  readonly process: JsonObject;
  /** Absolute path of a directory, where the root file system is one of the host; `rootfs` otherwise. */
  readonly rootPath?: string;
  readonly readonly?: boolean;
  readonly mounts?: readonly HostMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly resources?: JsonObject | undefined;
  /** A network namespace of its own; with a path that one. False: the one of the VM it runs in. */
  readonly network?: boolean | { readonly path: string };
  readonly userNamespace?: UserNamespace | undefined;
}

/** What runtimes of containers mount, and containers expect. */
const FILE_SYSTEMS: readonly JsonObject[] = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
  },
];

const MASKED_PATHS = [
  "/proc/acpi",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
];

const READONLY_PATHS = [
  "/proc/asound",
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** Programs are found here when nobody says where. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function minimalLinuxSpec(init: LinuxSpecInit): JsonObject {
  const { hostname, process, rootPath = "rootfs", readonly: isReadonly = false, network = true } = init;
  const { mounts = [], annotations = {}, resources, userNamespace } = init;
  const own = ["pid", "ipc", "uts", "mount"].map((type): JsonObject => ({ type }));
  const namespaces = [
    ...own,
    ...(network === false ? [] : [{ type: "network", ...(network === true ? {} : network) }]),
    ...(userNamespace === undefined ? [] : [{ type: "user" }]),
  ];
  return {
    ociVersion: "1.0.2",
    process,
    root: { path: rootPath, readonly: isReadonly },
    hostname,
    mounts: [...FILE_SYSTEMS.map((mount) => ({ ...mount })), ...mounts.map(bindMount)],
    annotations: { ...annotations },
    linux: {
      namespaces,
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
      ...(resources === undefined ? {} : { resources }),
      ...(userNamespace === undefined
        ? {}
        : {
            uidMappings: userNamespace.uid.map(idMapping),
            gidMappings: userNamespace.gid.map(idMapping),
          }),
    },
  };
}

function bindMount({ source, target, readonly: isReadonly = false }: HostMount): JsonObject {
  return {
    destination: target,
    type: "bind",
    source,
    options: ["rbind", "rprivate", isReadonly ? "ro" : "rw"],
  };
}

function idMapping({ container, host, size }: IdRange): JsonObject {
  return { containerID: container, hostID: host, size };
}
