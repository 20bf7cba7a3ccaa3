/**
 * Builds the stand-ins for the DLLs of the Host Compute Service: each folder `test/wine/dll/NAME` becomes `NAME.dll`, with
 * what all of them share in `test/wine/dll/rig`. Against the compiler's own headers, so that a wrong prototype does not compile.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../test/support/command.ts";
import { cacheDirectory } from "../setup/cache.ts";
import { MINGW } from "../setup/requirements.ts";
import type { Update } from "../terminal/reporter.ts";

const SOURCES = join(import.meta.dirname, "../../test/wine/dll");
const SHARED = "rig";
const OPTIONS = ["-O1", "-g", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-static-libgcc"];
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
    for (const name of names) {
      update(`${name}.dll`);
      const files = [...sourcesIn(SHARED), ...sourcesIn(name)].filter((path) => /\.(?:c|def)$/.test(path));
      await mustRun(MINGW, [...OPTIONS, "-o", join(work, `${name}.dll`), ...files, ...LIBRARIES]);
    }
    await rename(work, home).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    return home;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(SOURCES, folder))
    .sort()
    .map((name) => join(SOURCES, folder, name));
}

function digest(folders: readonly string[]): string {
  const hash = createHash("sha256").update([...OPTIONS, ...LIBRARIES].join(" "));
  for (const path of folders.flatMap(sourcesIn)) hash.update(path).update("\0").update(readFileSync(path));
  return hash.digest("hex").slice(0, 16);
}
