/**
 * Builds the stand-ins for the DLLs of the Host Compute Service: each folder `test/wine/dll/NAME` becomes `NAME.dll`, with
 * what all of them share in `test/wine/dll/rig`. Against the compiler's own headers, so that a wrong prototype does not compile.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { mustRun } from "../../test/support/command.ts";
import { cacheDirectory } from "../setup/cache.ts";
import { MINGW } from "../setup/requirements.ts";
import type { Update } from "../terminal/reporter.ts";

const SOURCES = join(import.meta.dirname, "../../test/wine/dll");
const SHARED = "rig";
const OPTIONS = ["-O1", "-g", "-std=c11", "-Wall", "-Wextra", "-Werror"];
const LINK_OPTIONS = ["-shared", "-static-libgcc"];
/** A busy machine takes its time. */
const COMPILE_TIMEOUT_MS = 5 * 60_000;
const LIBRARIES = ["-lws2_32", "-lole32"];

/** Finds the DLLs of these sources in the cache, or builds them. @returns their folder */
export async function buildStandIns(update: Update): Promise<string> {
  const names = readdirSync(SOURCES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== SHARED)
    .map(({ name }) => name)
    .sort();
  const home = join(cacheDirectory(), "wine", `dll-${digest([SHARED, ...names])}`);
  if (existsSync(home)) return home;
  await mkdir(join(home, ".."), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(), "wine", ".dll-"));
  try {
    const objects = join(work, "objects");
    await mkdir(objects);
    update("shared parts");
    // Once, not once for each DLL; and no more compilers than processors.
    const shared = sourcesIn(SHARED).filter((path) => path.endsWith(".c"));
    await inParallel(shared, (path) => compile(["-c", "-o", objectOf(path, objects), path]));
    await inParallel(names, async (name) => {
      update(`${name}.dll`);
      const files = sourcesIn(name).filter((path) => /\.(?:c|def)$/.test(path));
      const parts = [...files, ...shared.map((path) => objectOf(path, objects))];
      await compile([...LINK_OPTIONS, "-o", join(work, `${name}.dll`), ...parts, ...LIBRARIES]);
    });
    await rm(objects, { recursive: true });
    await rename(work, home).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    return home;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compile(args: readonly string[]): Promise<void> {
  await mustRun(MINGW, [...OPTIONS, ...args], { timeoutMs: COMPILE_TIMEOUT_MS });
}

function objectOf(source: string, folder: string): string {
  return join(folder, basename(source).replace(/\.c$/, ".o"));
}

/** Works through a list with as many workers as there are processors. */
async function inParallel<T>(list: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...list];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(SOURCES, folder))
    .sort()
    .map((name) => join(SOURCES, folder, name));
}

function digest(folders: readonly string[]): string {
  const hash = createHash("sha256").update([...OPTIONS, ...LINK_OPTIONS, ...LIBRARIES].join(" "));
  for (const path of folders.flatMap(sourcesIn)) hash.update(path).update("\0").update(readFileSync(path));
  return hash.digest("hex").slice(0, 16);
}
