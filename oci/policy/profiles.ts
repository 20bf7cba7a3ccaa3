/** Security profiles by name: which system calls a container may make, and which paths it needs. */
import { COMPAT, CORE, FILE, NET_SERVER, PROCESS_CONTROL, SOCKETS, SPAWN, SYSV_IPC } from "./groups.ts";

/** A path and what may be done with it: R read, W write, X run. */
export interface PathRule {
  readonly path: string;
  readonly access: string;
}

export interface Profile {
  readonly name: string;
  readonly summary: string;
  /** Names of {@link GROUPS}. */
  readonly groups: readonly GroupName[];
  /** Becoming another user is allowed under conditions. */
  readonly credentials: "none" | "root" | "packages";
  readonly paths: readonly PathRule[];
}

export type GroupName =
  "core" | "spawn" | "sockets" | "sysv-ipc" | "net-server" | "file" | "process-control" | "compat";

export const GROUPS: Readonly<Record<GroupName, readonly string[]>> = {
  core: CORE,
  spawn: SPAWN,
  sockets: SOCKETS,
  "sysv-ipc": SYSV_IPC,
  "net-server": NET_SERVER,
  file: FILE,
  "process-control": PROCESS_CONTROL,
  compat: COMPAT,
};

const BASE: readonly PathRule[] = [
  ...["/lib", "/lib64", "/usr/lib", "/bin", "/usr/bin"].map((path) => ({ path, access: "RX" })),
  ...["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"].map((path) => ({ path, access: "R" })),
  { path: "/dev/tty", access: "RW" },
  ...[
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/proc/self",
    "/sys/devices/system/cpu",
  ].map((path) => ({ path, access: "R" })),
];
const BUILD = ["/usr/include", "/usr/share/pkgconfig", "/usr/lib/pkgconfig"].map((path) => ({
  path,
  access: "RX",
}));
const NET = ["/etc/ssl", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts"].map((path) => ({
  path,
  access: "RX",
}));

const MINIMAL = ["core", "spawn", "sockets", "sysv-ipc"] as const;

/** In the order in which they are listed. */
export const PROFILES: readonly Profile[] = [
  {
    name: "minimal",
    summary: "runs programs, talks as a client, changes no files",
    groups: MINIMAL,
    credentials: "root",
    paths: BASE,
  },
  {
    name: "build",
    summary: "minimal, and makes and changes files",
    groups: [...MINIMAL, "file", "process-control"],
    credentials: "root",
    paths: [...BASE, ...BUILD],
  },
  {
    name: "network",
    summary: "minimal, and serves connections",
    groups: [...MINIMAL, "net-server"],
    credentials: "root",
    paths: [...BASE, ...NET],
  },
  {
    name: "file-control",
    summary: "added to minimal: makes and changes files",
    groups: [...MINIMAL, "file"],
    credentials: "root",
    paths: [...BASE, ...BUILD],
  },
  {
    name: "network-bind",
    summary: "added to minimal: serves connections",
    groups: [...MINIMAL, "net-server"],
    credentials: "root",
    paths: BASE,
  },
  {
    name: "process-control",
    summary: "added to minimal: writes at positions",
    groups: [...MINIMAL, "process-control"],
    credentials: "root",
    paths: BASE,
  },
  {
    name: "package-management",
    summary: "added to minimal: serves connections, and becomes the user of apt",
    groups: [...MINIMAL, "net-server"],
    credentials: "packages",
    paths: BASE,
  },
  {
    name: "custom",
    summary: "what its user adds, and nothing else but what the runtime needs",
    groups: [],
    credentials: "none",
    paths: [],
  },
];
