/** The Wine prefix that others are copied from: making one takes long, copying links files. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../test/support/command.ts";
import { mustRunWine, stopWine } from "../../test/support/wine.ts";
import { cacheDirectory } from "../setup/cache.ts";
import type { Update } from "../terminal/reporter.ts";

/** Finds the template of this Wine in the cache, or makes it. It appears complete or not at all, so that two runs may race. */
export async function makeTemplatePrefix(update: Update): Promise<string> {
  const version = (await mustRun("wine", ["--version"])).replaceAll(/[^\w.-]/g, "_");
  const home = join(cacheDirectory(), "wine", `prefix-${version}`);
  if (existsSync(home)) return home;
  update("prefix");
  await mkdir(join(home, ".."), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(), "wine", ".prefix-"));
  try {
    const prefix = join(work, "prefix");
    await mkdir(prefix);
    const run = { prefix, output: join(work, "output") };
    await mustRunWine(["wineboot", "-i"], run);
    // Node asks for Windows 10 at least.
    await mustRunWine(["winecfg", "-v", "win10"], run);
    await stopWine(prefix);
    await rename(prefix, home).catch((error: NodeJS.ErrnoException) => {
      // Another run made one meanwhile: it is as good as ours.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    return home;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
