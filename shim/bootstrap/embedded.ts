/** Programs inside a single executable, which carries the bundle of each as an asset (`scripts/pack/windows.ts`). */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { getAsset } from "node:sea";
import { compileFunction, constants } from "node:vm";
import type { Program } from "./program.ts";

/** The text of a bundle. */
export function embeddedText(name: string): string {
  return getAsset(name, "utf8");
}

/**
 * Runs a bundle as Node would run a file of that name beside the executable. Not part of the main bundle: what is not run
 * is not even parsed.
 */
export function runEmbedded(name: string): void {
  const filename = join(dirname(process.execPath), name);
  const wrapper = compileFunction(
    embeddedText(name),
    ["exports", "require", "module", "__filename", "__dirname"],
    { filename, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER },
  ) as (...values: readonly unknown[]) => void;
  const module = { exports: {} as Partial<Program<never>> };
  wrapper(module.exports, createRequire(process.execPath), module, filename, dirname(filename));
  module.exports.main?.();
}
