/**
 * Runs test files under the Windows build of Node in Wine, called as mocha is: bundles them, starts the host that the
 * stand-in DLLs talk to, and tells what mocha tells.
 *
 *     mocha.ts --reporter REPORTER PATTERN [mocha arguments…]
 *
 * The reporter's events come on file descriptor 3, as from mocha itself.
 */
import { build, type BuildOptions } from "esbuild";
import {
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { GOLDEN_CASES, THREAD_FILE } from "../../test/wine/control/commands.ts";
import { ControlServer } from "../../test/wine/control/server.ts";
import { copyWineMachine, runWine, winePath } from "../../test/support/wine.ts";
import { createReporter } from "../terminal/reporter.ts";
import { FFI_FOR_WINDOWS, prepareWine } from "./prepare.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const MODULES = join(REPOSITORY, "node_modules");
const EVENTS_FD = 3;
const EVENTS_PAUSE_MS = 50;
/** Programs that tests start. */
const PROGRAMS = "test/wine/programs/**/*.ts";

/** How files become programs of the Windows build of Node. */
const BUNDLE: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node22",
  format: "cjs",
  external: ["koffi"],
  sourcemap: "inline",
  keepNames: true,
  logLevel: "warning",
};

const [option, reporter = "", pattern = "", ...mochaArguments] = process.argv.slice(2);
if (option !== "--reporter") throw new Error(`cannot run tests: wanted --reporter, got ${option}`);

const work = await mkdtemp(join(tmpdir(), "runhcs-native-"));
const events = join(work, "events");
const output = join(work, "output");
const programs = join(work, "programs");
const tools = await prepareWine(createReporter(process.stderr));
const control = await ControlServer.listen();
/** Ended from outside: Wine's server and the folders here would stay. */
const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.abort());
try {
  await using machine = await copyWineMachine(tools.prefix, tools.standIns);
  const files = await bundle(filesOf(pattern), join(work, "tests"));
  await bundle(filesOf(PROGRAMS), programs);
  installFfi(tools.ffi);
  openSync(events, "w");
  const ended = new AbortController();
  const telling = tellEvents(ended.signal);
  const code = await runWine(
    [
      join(tools.node, "bin/node.exe"),
      "--enable-source-maps",
      "--expose-gc",
      winePath(join(MODULES, "mocha/bin/_mocha")),
      "--reporter",
      winePath(reporter),
      "--timeout",
      "120000",
      ...files.map(winePath),
      ...mochaArguments,
    ],
    {
      prefix: machine.prefix,
      output,
      cwd: work,
      env: {
        RUNHCS_TEST_EVENTS: winePath(events),
        RUNHCS_TEST_PROGRAMS: winePath(programs),
        [GOLDEN_CASES]: winePath(join(REPOSITORY, "test/golden/hcs")),
        [THREAD_FILE]: winePath(await bundleThread()),
        ...control.environment,
      },
    },
    stopped.signal,
  );
  ended.abort();
  await telling;
  if (existsSync(output))
    for await (const chunk of createReadStream(output)) process.stdout.write(chunk as Buffer);
  process.exitCode = code ?? 1;
} finally {
  await control.close();
  await rm(work, { recursive: true, force: true });
}

/** What the backend's threads for native calls run. */
async function bundleThread(): Promise<string> {
  const outfile = join(work, "native-thread.cjs");
  await build({ ...BUNDLE, entryPoints: [join(REPOSITORY, "hcs/win32/threads/main.ts")], outfile });
  return outfile;
}

/** One bundle for each file: CommonJS, because the FFI package is. */
async function bundle(files: readonly string[], outdir: string): Promise<string[]> {
  await build({
    entryPoints: files.map((file) => ({
      in: join(REPOSITORY, file),
      out: file
        .replace(/\.ts$/, "")
        .replace(/^test\/wine\/\w+\//, "")
        .replaceAll("/", "-"),
    })),
    outdir,
    outExtension: { ".js": ".cjs" },
    ...BUNDLE,
  });
  return readdirSync(outdir)
    .sort()
    .map((file) => join(outdir, file));
}

/** The files of a suite's pattern: `FOLDER`, `/**`, `/*SUFFIX`. */
function filesOf(pattern: string): string[] {
  const [folder = "", suffix = ""] = pattern.split("/**/*");
  return readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(suffix))
    .sort()
    .map((file) => join(folder, file));
}

/** Puts the FFI package beside the bundles, with its module for Windows. */
function installFfi(native: string): void {
  const modules = join(work, "node_modules");
  mkdirSync(modules);
  cpSync(join(MODULES, "koffi"), join(modules, "koffi"), {
    recursive: true,
    filter: (path) => !/\/koffi\/(?:doc|vendor|lib)$/.test(path),
  });
  cpSync(native, join(modules, FFI_FOR_WINDOWS), { recursive: true });
}

/** Hands on what the reporter writes, as it is written. */
async function tellEvents(end: AbortSignal): Promise<void> {
  const file = openSync(events, "r");
  const buffer = Buffer.alloc(65536);
  for (;;) {
    // In this order: what was written before the end is read after it.
    const isLast = end.aborted;
    for (let size = readSync(file, buffer); size > 0; size = readSync(file, buffer))
      writeSync(EVENTS_FD, buffer, 0, size);
    if (isLast) return;
    await delay(EVENTS_PAUSE_MS, undefined, { signal: end }).catch(() => undefined);
  }
}
