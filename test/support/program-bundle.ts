/** Programs of ours as one file each, so that what a test starts is as fast as what is shipped. */
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const REPOSITORY = join(import.meta.dirname, "../..");
const CACHE = join(REPOSITORY, ".cache/test");

const bundles = new Map<string, Promise<string>>();

/** Path of the program built from the sources as they are now. @param entry relative to the repository */
export function programBundle(name: string, entry: string): Promise<string> {
  const known = bundles.get(name);
  if (known !== undefined) return known;
  const made = bundle(name, entry);
  bundles.set(name, made);
  return made;
}

async function bundle(name: string, entry: string): Promise<string> {
  const result = await build({
    entryPoints: [join(REPOSITORY, entry)],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    // Native: resolved from the repository when the program starts.
    external: ["koffi"],
  });
  const text = result.outputFiles[0]!.text;
  const path = join(CACHE, `${name}-${createHash("sha256").update(text).digest("hex").slice(0, 16)}.cjs`);
  if (!existsSync(path)) {
    mkdirSync(CACHE, { recursive: true });
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, text);
    renameSync(temporary, path);
    removeOld(name);
  }
  return path;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Builds of other days; those of today may be in use by other runs. */
function removeOld(program: string): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    if (name.startsWith(`${program}-`) && Date.now() - statSync(path).mtimeMs > DAY_MS)
      rmSync(path, { force: true });
  }
}
