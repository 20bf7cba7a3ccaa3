/**
 * The runc container around a Windows container. Inside it are the host's programs (read-only), Wine, and the prefix that
 * holds drive C: and the registry. Its first process is the container's own wineserver: it is the container's kernel, and
 * the container lives as long as it does. Pure.
 */
import { basename } from "node:path";
import { LAUNCHER, OWN_PROGRAMS, type Wine } from "../../windows/wine.ts";

/** Where the prefix is inside: where Wine looks for it without being told, so that no variable shows. */
export const HOME = "/wine";
export const PREFIX: string = `${HOME}/.wine`;
export const DRIVE: string = `${PREFIX}/drive_c`;

/** Exchange with the launcher: a directory for each process. */
export const EXCHANGE = "/run/hcs";

/** A FIFO in the exchange directory: gets a line when Windows is up. */
export const READY = "ready";

/** A directory or file inside the container. */
export interface SiloMount {
  /** In the worker's view. */
  readonly source: string;
  /** Absolute path inside the runc container. */
  readonly target: string;
  readonly readOnly: boolean;
}

export interface SiloLimits {
  /** MiB; 0: none. */
  readonly memoryMb: number;
  /** Processors that may be busy at a time, e.g. 0.5; 0: no limit. */
  readonly processors: number;
  /** 1 to 10000; 0: the default. */
  readonly weight: number;
}

/** How much of its surroundings the container shares. */
export type SiloNetwork =
  | { readonly kind: "own" }
  /** A HostProcess container on the host. */
  | { readonly kind: "surrounding" }
  | { readonly kind: "namespace"; readonly path: string };

export interface SiloPlan {
  readonly wine: Wine;
  /** Directory with {@link OWN_PROGRAMS} in the worker's view. */
  readonly ownPrograms: string;
  /** The Wine prefix, `drive_c` mounted. */
  readonly prefix: string;
  readonly mounts: readonly SiloMount[];
  /** Undefined: that of what is around it. */
  readonly hostname: string | undefined;
  readonly network: SiloNetwork;
  readonly limits: SiloLimits;
  readonly cgroup: string;
  /** Directory in the worker's view that is {@link EXCHANGE} inside. */
  readonly exchange: string;
  /** File that knows {@link hostname}; used where there is one. */
  readonly hosts: string;
  /** What there is of the host's program directories. */
  readonly programs: readonly ProgramDirectory[];
}

/** A top-level directory with programs: itself, or (merged /usr) a link. */
export interface ProgramDirectory {
  /** `/lib64` */
  readonly path: string;
  readonly link?: string;
}

/** Environment of every Wine process, before what its request adds. */
export function wineEnvironment(user: string): string[] {
  return [
    `HOME=${HOME}`,
    "PATH=/usr/bin:/bin",
    `USER=${user}`,
    `LOGNAME=${user}`,
    "LANG=C.UTF-8",
    "XDG_CACHE_HOME=/tmp",
    // Its remarks would be output of the program.
    "WINEDEBUG=-all",
  ];
}

export function launcherArguments(wine: Wine, ...args: readonly string[]): string[] {
  return [wine.loader, `C:\\windows\\system32\\${LAUNCHER}`, ...args];
}

const CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
];

/** Of every process: what programs need that open low ports and send echo requests. */
export const SILO_CAPABILITIES: Readonly<Record<"bounding" | "effective" | "permitted", readonly string[]>> =
  {
    bounding: CAPABILITIES,
    effective: CAPABILITIES,
    permitted: CAPABILITIES,
  };

/** A path inside the container as Windows programs can name it. */
export function ntPath(path: string): string {
  return `\\\\?\\unix${path.replaceAll("/", "\\")}`;
}

/** `config.json`. */
export function siloSpec(plan: SiloPlan): object {
  const { hostname, network, limits, cgroup, ownPrograms, prefix, exchange, programs, hosts } = plan;
  const namespaces = [
    { type: "pid" },
    { type: "mount" },
    { type: "ipc" },
    ...(hostname === undefined ? [] : [{ type: "uts" }]),
    ...(network.kind === "own" ? [{ type: "network" }] : []),
    ...(network.kind === "namespace" ? [{ type: "network", path: network.path }] : []),
  ];
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 0, gid: 0 },
      args: ["/bin/sh", "-c", INIT, "init", plan.wine.server, plan.wine.loader, `${EXCHANGE}/${READY}`],
      env: wineEnvironment("ContainerAdministrator"),
      cwd: "/",
      noNewPrivileges: true,
      capabilities: SILO_CAPABILITIES,
    },
    root: { path: "rootfs", readonly: true },
    ...(hostname === undefined ? {} : { hostname }),
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=64k"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
      },
      { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev"] },
      ...programs.filter(({ link }) => link === undefined).map(({ path }) => bind(path, path, true)),
      ...(hostname === undefined ? [] : [bind(hosts, "/etc/hosts", true)]),
      bind(exchange, EXCHANGE, false),
      // What is mapped into the drive later on arrives there.
      bind(prefix, PREFIX, false, "rslave"),
      ...OWN_PROGRAMS.map((name) =>
        bind(`${ownPrograms}/${name}`, `${DRIVE}/windows/system32/${name}`, true),
      ),
      ...plan.mounts.map(({ source, target, readOnly }) => bind(source, target, readOnly)),
    ],
    linux: { namespaces, cgroupsPath: cgroup, resources: siloResources(limits) },
  };
}

/**
 * The server has its socket when its first call returns, and the last one returns when it has ended. The shell collects
 * what Wine leaves behind, which a first process has to. `wineboot` starts the services of Windows: now, and with streams
 * of their own, or the first program would hand them its own.
 */
const INIT =
  'exec </dev/null >/dev/null 2>&1; "$1" -p && "$2" wineboot --init && echo ready >"$3" && "$1" -w';

const PERIOD_US = 100_000;

/** Limits as runc has them. */
export function siloResources({ memoryMb, processors, weight }: SiloLimits): object {
  return {
    devices: [{ allow: false, access: "rwm" }],
    ...(memoryMb === 0 ? {} : { memory: { limit: memoryMb * 1024 ** 2 } }),
    ...(processors === 0 && weight === 0
      ? {}
      : {
          cpu: {
            ...(processors === 0
              ? {}
              : { period: PERIOD_US, quota: Math.max(1000, Math.round(processors * PERIOD_US)) }),
            // 1 to 10000, 100 being the default of both; shares are 1024 by default.
            ...(weight === 0 ? {} : { shares: Math.max(2, Math.round((weight * 1024) / 100)) }),
          },
        }),
  };
}

function bind(source: string, destination: string, readOnly: boolean, propagation = "rprivate"): object {
  return { destination, type: "bind", source, options: ["rbind", readOnly ? "ro" : "rw", propagation] };
}

/** The first word of a command line, which Wine processes have as Windows ones do: the program, `.exe` where it has no ending. */
export function imageName(commandLine: string): string {
  const [, quoted, plain = ""] = /^\s*(?:"([^"]*)"|([^\s\0]+))/.exec(commandLine) ?? [];
  const name = basename((quoted ?? plain).replaceAll("\\", "/"));
  return /\.[a-z]+$/i.test(name) ? name : `${name}.exe`;
}
