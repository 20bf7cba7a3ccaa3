/** The worker program as one file, so that a VM of a test starts as fast as a shipped one. */
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const REPOSITORY = join(import.meta.dirname, "../..");
const CACHE = join(REPOSITORY, ".cache/test");

let command: Promise<readonly string[]> | undefined;

/** How to run the worker built from the sources as they are now. */
export function workerCommand(): Promise<readonly string[]> {
  return (command ??= bundle().then((path) => [process.execPath, path]));
}

async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: [join(REPOSITORY, "hcs/emulator/worker/main.ts")],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    // Native: resolved from the repository when the worker starts.
    external: ["koffi"],
  });
  const text = result.outputFiles[0]!.text;
  const path = join(CACHE, `worker-${createHash("sha256").update(text).digest("hex").slice(0, 16)}.cjs`);
  if (!existsSync(path)) {
    mkdirSync(CACHE, { recursive: true });
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, text);
    renameSync(temporary, path);
    removeOld();
  }
  return path;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Builds of other days; those of today may be in use by other runs. */
function removeOld(): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    if (name.startsWith("worker-") && Date.now() - statSync(path).mtimeMs > DAY_MS)
      rmSync(path, { force: true });
  }
}
