/**
 * Builds `dist/`: the executables with everything they need at run time, and the library.
 *
 *   dist/bin/           containerd-shim-runhcs-v1, hcsctl
 *   dist/libexec/       the long-lived shim process, the emulator's VM worker, its launcher inside Windows containers; the
 *                       bundles of all programs, with the code that V8 has made of them
 *   dist/native/        containerd-shim-runhcs-v1 once more: the launcher in C, where there is a compiler
 *   dist/lib/           ES modules and types, for `import`
 *   dist/node_modules/  the FFI package, which cannot be bundled
 *
 * Does nothing when the sources have not changed since the last build; `--force` builds all the same.
 */
import { build, type BuildOptions } from "esbuild";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { AGENT, bundleOptions, PROGRAMS, ROOT, type Program } from "./build/bundle.ts";
import { buildWindowsPrograms, hasWindowsCompiler } from "./build/windows-programs.ts";
import { keepCode } from "./build/code-cache.ts";
import { wrapper } from "./build/wrapper.ts";

const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".stamp");

/** What the result depends on. */
const INPUTS = [
  "protos",
  "hcs",
  "oci",
  "shim",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.lib.json",
  "scripts/build.ts",
  "scripts/build",
];

function bundleOf({ entry, bundle }: Program): BuildOptions {
  const outfile = join(DIST, "libexec", bundle);
  return { ...bundleOptions(entry), outfile };
}

function loaderOf({ entry, output, bundle, executable }: Program): BuildOptions {
  return {
    ...bundleOptions("shim/hosting/load.ts"),
    outfile: join(DIST, output),
    define: { BUNDLE: JSON.stringify(`../libexec/${bundle}`) },
    ...(executable ? { banner: { js: wrapper({ isShim: entry === "shim/main.ts" }) } } : {}),
  };
}

function* filesBelow(path: string): Generator<string> {
  const entries = existsSync(path) ? readdirSync(path, { withFileTypes: true }) : [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) yield* filesBelow(child);
    else yield child;
  }
}

function digestOfInputs(): string {
  const hash = createHash("sha256").update(`launcher: ${hasWindowsCompiler()}\0`);
  for (const input of INPUTS) {
    const path = join(ROOT, input);
    const files = input.includes(".") ? [path] : filesBelow(path);
    for (const file of files) hash.update(file).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** Compiles the library; types are checked on the way. */
function compileLibrary(): void {
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const run = spawnSync(process.execPath, [compiler, "-p", join(ROOT, "tsconfig.lib.json")], {
    stdio: "inherit",
  });
  if (run.status !== 0) throw new Error("cannot build the library: it does not compile");
}

/** The FFI package and the native module it loads for this platform. */
function copyNativeModules(): void {
  const modules = join(ROOT, "node_modules");
  cpSync(join(modules, "koffi"), join(DIST, "node_modules", "koffi"), {
    recursive: true,
    // Not its sources: the compiled module comes with the package of the platform.
    filter: (path) => !/\/(?:doc|vendor|lib)$/.test(path) && !/\.(?:c|cc|h|hh|inc|S|asm|md)$/.test(path),
  });
  const native = `koffi-${process.platform}-${process.arch}`;
  cpSync(join(modules, "@koromix", native), join(DIST, "node_modules", "@koromix", native), {
    recursive: true,
  });
}

/** The launcher is small enough to be left out: where no compiler is, there is only the program in Node. */
function compileLauncher(): void {
  const folder = join(DIST, "native");
  mkdirSync(folder);
  const source = join(ROOT, "shim/hosting/launcher/launcher.c");
  const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Os", "-s"];
  const output = join(folder, "containerd-shim-runhcs-v1");
  const run = spawnSync("cc", [...flags, "-o", output, source], { stdio: "inherit" });
  if (run.error === undefined && run.status === 0) return;
  rmSync(folder, { recursive: true });
  if (run.error === undefined) throw new Error("cannot build the launcher: it does not compile");
  console.error("no C compiler (cc): built without the native launcher");
}

async function main(): Promise<void> {
  const digest = digestOfInputs();
  const force = process.argv.includes("--force");
  if (!force && existsSync(STAMP) && readFileSync(STAMP, "utf8") === digest) return;
  console.error("building dist …");
  const started = performance.now();
  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(join(DIST, "bin"), { recursive: true });
  await Promise.all([
    ...PROGRAMS.flatMap((program) => [build(bundleOf(program)), build(loaderOf(program))]),
    build({ ...bundleOptions(AGENT.entry), outfile: join(DIST, "libexec", AGENT.bundle) }),
  ]);
  for (const { output, executable } of PROGRAMS) if (executable) chmodSync(join(DIST, output), 0o755);
  // Files without an extension are what the nearest package says.
  writeFileSync(join(DIST, "bin", "package.json"), `${JSON.stringify({ type: "commonjs" })}\n`);
  buildWindowsPrograms(join(DIST, "libexec"));
  copyNativeModules();
  compileLauncher();
  await keepCode(DIST);
  compileLibrary();
  writeFileSync(STAMP, digest);
  console.error(`built dist in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

await main();
