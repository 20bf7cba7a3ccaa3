/** The Windows package: single executables, the native module they load, and what a node needs beside them. */
import { build, type Metafile } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../test/support/command.ts";
import { bundleOptions, ROOT } from "../build/bundle.ts";
import {
  fetchNpmPackage,
  lockedPackage,
  NODE_FOR_LINUX,
  NODE_FOR_WINDOWS,
  type NpmPackage,
} from "../setup/npm-package.ts";
import { findProgram } from "../setup/programs.ts";
import { MINGW } from "../setup/requirements.ts";
import type { Update } from "../terminal/reporter.ts";
import { deploymentFiles } from "./deploy.ts";
import { packagesIn, readPackage, type ShippedPackage } from "./metafile.ts";
import { makeSingleExecutable } from "./portable-executable.ts";
import { PRODUCT, type PackageContents } from "./product.ts";

/** Two levels below the installation, as everywhere. */
const LAUNCHER = "native/containerd-shim-runhcs-v1.exe";
const KOFFI_FOR_WINDOWS = "@koromix/koffi-win32-x64";

interface Executable {
  readonly name: string;
  readonly description: string;
  readonly entry: string;
  /** Further bundles inside it, by the name it runs them under (`shim/bootstrap/embedded.ts`). */
  readonly embedded: Readonly<Record<string, string>>;
}

/** What the threads of the Windows backend run. */
const NATIVE_CALLS = { "native-calls.cjs": "hcs/win32/threads/main.ts" };

const EXECUTABLES: readonly Executable[] = [
  {
    name: "containerd-shim-runhcs-v1",
    description: "containerd shim v2 for the Windows Host Compute Service",
    entry: "shim/main.ts",
    embedded: { "serve.cjs": "shim/serve.ts", "keeper.cjs": "shim/keeper.ts", ...NATIVE_CALLS },
  },
  {
    name: "hcsctl",
    description: "Tool of containerd-shim-runhcs",
    entry: "shim/hcsctl/main.ts",
    embedded: NATIVE_CALLS,
  },
  {
    name: "agent",
    description: "Agent in containers of containerd-shim-runhcs",
    entry: "shim/agent/guest/main.ts",
    embedded: NATIVE_CALLS,
  },
];

/** What everything is made from, as fetched. */
interface Parts {
  readonly nodeForWindows: string;
  readonly nodeForLinux: string;
  readonly koffi: string;
}

/** @param work an empty directory of our own */
export async function packWindows(work: string, update: Update): Promise<PackageContents> {
  const koffi = lockedPackage(KOFFI_FOR_WINDOWS, ROOT);
  const parts: Parts = {
    nodeForWindows: await fetchNpmPackage(NODE_FOR_WINDOWS, update),
    nodeForLinux: await fetchNpmPackage(NODE_FOR_LINUX, update),
    koffi: await fetchNpmPackage(koffi, update),
  };
  const native = readFileSync(join(parts.koffi, "win32_x64", "koffi.node"));
  const files = new Map<string, Uint8Array>([
    ["koffi.node", native],
    ["install.ps1", readFileSync(join(ROOT, "scripts/install.ps1"))],
    ...deploymentFiles("windows"),
  ]);
  const launcher = await compileLauncher(work);
  if (launcher !== undefined) files.set(LAUNCHER, launcher);
  const metafiles: Metafile[] = [];
  for (const executable of EXECUTABLES) {
    update(`${executable.name}.exe`);
    const folder = join(work, executable.name);
    mkdirSync(folder);
    metafiles.push(...(await bundleInto(folder, executable)));
    files.set(`${executable.name}.exe`, await makeExecutable(folder, executable, parts, native));
  }
  return { files, packages: shippedPackages(metafiles, parts, koffi) };
}

/** The launcher in C; undefined where there is no compiler for it. */
async function compileLauncher(work: string): Promise<Buffer | undefined> {
  const compiler = findProgram(MINGW);
  if (compiler === undefined) return undefined;
  const output = join(work, "launcher.exe");
  // The time would be in it.
  const flags = [
    "-std=c11",
    "-municode",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Os",
    "-s",
    "-Wl,--no-insert-timestamp",
  ];
  await mustRun(compiler, [...flags, "-o", output, join(ROOT, "shim/hosting/launcher/launcher.c")]);
  return readFileSync(output);
}

/** Bundles the entry as `main.cjs`, and what else the executable carries. */
async function bundleInto(folder: string, { entry, embedded }: Executable): Promise<Metafile[]> {
  const bundles = [["main.cjs", entry] as const, ...Object.entries(embedded)];
  const built = await Promise.all(
    bundles.map(([output, source]) =>
      build({
        ...bundleOptions(source, "win32"),
        outfile: join(folder, output),
        metafile: true,
        external: [],
        alias: { koffi: join(ROOT, "hcs/win32/ffi/packed-koffi.ts") },
        // The main script of a single executable cannot import().
        supported: { "dynamic-import": false },
      }),
    ),
  );
  return built.map(({ metafile }) => metafile);
}

async function makeExecutable(
  folder: string,
  executable: Executable,
  parts: Parts,
  native: Uint8Array,
): Promise<Buffer> {
  const digest = "koffi.node.sha256";
  writeFileSync(join(folder, digest), createHash("sha256").update(native).digest("hex"));
  // Relative paths: they end up in the executable.
  const configuration = {
    main: "main.cjs",
    output: "sea.blob",
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // Code is cached for the platform that compiled it.
    useCodeCache: false,
    execArgv: ["--no-warnings"],
    // NODE_OPTIONS of containerd's environment is for other programs.
    execArgvExtension: "none",
    assets: Object.fromEntries([digest, ...Object.keys(executable.embedded)].map((name) => [name, name])),
  };
  writeFileSync(join(folder, "sea.json"), JSON.stringify(configuration));
  // The same version as node.exe: it has to read what this one writes.
  const node = join(parts.nodeForLinux, "bin/node");
  await mustRun(node, ["--experimental-sea-config", "sea.json"], { cwd: folder });
  return makeSingleExecutable(
    readFileSync(join(parts.nodeForWindows, "bin/node.exe")),
    readFileSync(join(folder, "sea.blob")),
    {
      name: executable.name,
      description: executable.description,
      product: PRODUCT.name,
      version: PRODUCT.version,
      copyright: PRODUCT.license,
    },
  );
}

function shippedPackages(metafiles: readonly Metafile[], parts: Parts, koffi: NpmPackage): ShippedPackage[] {
  return [
    ...packagesIn(metafiles),
    // The licence of the native module is in the package that loads it everywhere else.
    { ...readPackage(parts.koffi, koffi.integrity), licenseDirectory: join(ROOT, "node_modules/koffi") },
    // The archive for Windows brings no licence text; the one for Linux is of the same release.
    {
      ...readPackage(parts.nodeForWindows, NODE_FOR_WINDOWS.integrity),
      licenseDirectory: parts.nodeForLinux,
    },
  ];
}
