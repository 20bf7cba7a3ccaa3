/** What the emulator, the quickstart and the integration tests need on a machine, and which Debian package has it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findProgram, isExecutable, isStaticProgram } from "./programs.ts";

/** One thing that has to be there. */
export interface Requirement {
  /** What a person would call it. */
  readonly name: string;
  readonly purpose: string;
  readonly debianPackage: string;
  /** Where it is; undefined when it is missing. */
  readonly find: () => string | undefined;
}

/** Folders in which distributions put the CNI plugins. */
const CNI_FOLDERS = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"] as const;
const CNI_PLUGINS = ["bridge", "host-local", "loopback"] as const;

/** The folder that holds the CNI plugins we use; undefined when no folder holds all of them. */
export function findCniPlugins(): string | undefined {
  return CNI_FOLDERS.find((folder) => CNI_PLUGINS.every((plugin) => isExecutable(join(folder, plugin))));
}

/** A busybox that needs no libraries; undefined when there is none. */
export function findStaticBusybox(): string | undefined {
  return ["/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"].find(isStaticProgram);
}

const WINE_64 = "/usr/lib/wine/wine64";
/** The compiler for Windows programs. */
export const MINGW = "x86_64-w64-mingw32-gcc";

function program(name: string, debianPackage: string, purpose: string): Requirement {
  return { name, debianPackage, purpose, find: () => findProgram(name) };
}

/** Everything, in the order in which it is reported. */
export const REQUIREMENTS: readonly Requirement[] = [
  program("containerd", "containerd", "drives the shim"),
  program("ctr", "containerd", "imports images and runs tasks"),
  program("containerd-shim-runc-v2", "containerd", "is what the benchmarks compare with"),
  program("runc", "runc", "runs the emulator's containers"),
  {
    name: "busybox (static)",
    debianPackage: "busybox-static",
    purpose: "is the content of the local image",
    find: findStaticBusybox,
  },
  {
    name: "CNI plugins",
    debianPackage: "containernetworking-plugins",
    purpose: `give pods a network (${CNI_PLUGINS.join(", ")})`,
    find: findCniPlugins,
  },
  program("ip", "iproute2", "describes the networks of pods"),
  program("unshare", "util-linux", "makes the namespaces of an emulated utility VM"),
  program("nsenter", "util-linux", "looks into the network namespace of a pod"),
  program("mount", "mount", "mounts what mount(2) alone cannot"),
  program("script", "bsdutils", "gives the tests a terminal"),
  program("cc", "gcc", "compiles the launcher"),
  {
    name: "headers of the C library",
    debianPackage: "libc6-dev",
    purpose: "compile the launcher",
    find: () => ["/usr/include/stdio.h"].find(existsSync),
  },
];

/** What Windows containers in the emulator need besides. */
export const WINDOWS_REQUIREMENTS: readonly Requirement[] = [
  {
    name: "wine (64-bit)",
    debianPackage: "wine64",
    purpose: "runs programs of Windows",
    find: () => (isExecutable(WINE_64) ? WINE_64 : undefined),
  },
  program("wine", "wine", "starts programs of Windows"),
  program(
    MINGW,
    "gcc-mingw-w64-x86-64",
    "builds programs for Windows: the launcher in containers, stand-ins for DLLs",
  ),
];

/** What the tests of the Windows backend need besides. */
export const WINE_REQUIREMENTS: readonly Requirement[] = [
  ...WINDOWS_REQUIREMENTS,
  program("npm", "npm", "fetches the Windows build of Node"),
];

/** The requirements this machine does not meet. */
export function missingRequirements(
  requirements: readonly Requirement[] = REQUIREMENTS,
): readonly Requirement[] {
  return requirements.filter((requirement) => requirement.find() === undefined);
}

/** The packages that bring `requirements`, each once. */
export function packagesOf(requirements: readonly Requirement[]): string[] {
  return [...new Set(requirements.map((requirement) => requirement.debianPackage))];
}
