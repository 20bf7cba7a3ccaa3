/**
 * The Linux package: the bundles as `npm run build` leaves them, for the distribution's own Node. Not single executables:
 * those would bring a Node that the distribution does not mend, of 125 MB for each program.
 */
import { build } from "esbuild";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { bundleOptions, PROGRAMS, ROOT } from "../build/bundle.ts";
import { deploymentFiles } from "./deploy.ts";
import type { LinuxTree } from "./archives.ts";
import { packagesIn, readPackage, type ShippedPackage } from "./metafile.ts";
import { PRODUCT, type PackageContents } from "./product.ts";

/** `native`, the launcher in C, is there when the packing machine has a compiler. */
const PARTS = ["bin", "libexec", "native", "node_modules"] as const;

/** Compiled code is for one version of Node, and is not the same twice. */
const KEPT_CODE = ".cache";

/** Reads `dist/`, which has to be built. */
export async function packLinux(): Promise<PackageContents> {
  const dist = join(ROOT, "dist");
  const paths = PARTS.filter((part) => existsSync(join(dist, part)))
    .flatMap((part) => filesBelow(dist, part))
    .filter((path) => !path.endsWith(KEPT_CODE));
  const built = paths.map((path): [string, Uint8Array] => [path, readFileSync(join(dist, path))]);
  return {
    files: new Map([...built, ...deploymentFiles("linux")]),
    packages: await shippedPackages(),
  };
}

async function shippedPackages(): Promise<ShippedPackage[]> {
  const bundles = await Promise.all(
    PROGRAMS.map(({ entry }) =>
      build({ ...bundleOptions(entry), write: false, metafile: true, outdir: "unused" }),
    ),
  );
  const modules = join(ROOT, "node_modules");
  const koffi = readPackage(join(modules, "koffi"));
  const native = readPackage(join(modules, "@koromix/koffi-linux-x64"));
  return [
    ...packagesIn(bundles.map(({ metafile }) => metafile)),
    koffi,
    { ...native, licenseDirectory: koffi.licenseDirectory },
  ];
}

function filesBelow(root: string, path: string): string[] {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  return readdirSync(join(root, path)).flatMap((name) => filesBelow(root, `${path}/${name}`));
}

const LAUNCHER = "native/containerd-shim-runhcs-v1";
const EXECUTABLES = [
  ...PROGRAMS.filter(({ executable }) => executable).map(({ output }) => output),
  LAUNCHER,
];

/** The tree of the archive: one folder that works where it is unpacked. */
export function portableTree(files: ReadonlyMap<string, Uint8Array>): LinuxTree {
  return new Map(
    [...files].map(([path, content]) => [path, { content, executable: EXECUTABLES.includes(path) }]),
  );
}

const HOME = "usr/lib/containerd-shim-runhcs";
const DOC = "usr/share/doc/containerd-shim-runhcs";

/** Where a file of the package goes on a Debian system. */
function debianPath(path: string): string {
  if (path === "LICENSE") return `${DOC}/copyright`;
  if (/^(?:containerd|kubernetes)\//.test(path)) return `${DOC}/examples/${path}`;
  return path.includes("/") ? `${HOME}/${path}` : `${DOC}/${path}`;
}

export function debianTree(files: ReadonlyMap<string, Uint8Array>): LinuxTree {
  // The sums are of the archive's layout; a Debian package has its own.
  const installed = [...files].filter(([path]) => path !== "SHA256SUMS");
  const bytes = installed.reduce((sum, [, content]) => sum + content.length, 0);
  return new Map<string, { content: Uint8Array; executable: boolean } | string>([
    ["DEBIAN/control", { content: Buffer.from(control(Math.ceil(bytes / 1024))), executable: false }],
    ...installed.map(
      ([path, content]) => [debianPath(path), { content, executable: EXECUTABLES.includes(path) }] as const,
    ),
    ...EXECUTABLES.map((path) => [`usr/${path}`, `../lib/containerd-shim-runhcs/${path}`] as const),
  ]);
}

function control(installedKib: number): string {
  const fields = {
    Package: PRODUCT.name,
    Version: PRODUCT.version,
    Architecture: "amd64",
    Maintainer: `${PRODUCT.name} maintainers <maintainers@${PRODUCT.name}.invalid>`,
    "Installed-Size": String(installedKib),
    Depends: "nodejs (>= 20.19), libc6",
    Recommends: "containerd | containerd.io, runc, iproute2, mount, util-linux",
    Section: "admin",
    Priority: "optional",
    Description: `${PRODUCT.description}\n Runs pods of containerd on the emulator of the Host Compute Service.`,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}
