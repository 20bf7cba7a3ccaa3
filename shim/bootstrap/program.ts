/**
 * Running a program of `dist/`: its bundle, with the code that V8 kept of it when it was built (`scripts/build/code-cache.ts`).
 * Without it, compiling the daemon takes as long as booting Node. Code kept by another version of V8, or under other flags, is
 * refused by V8 itself, and the bundle is compiled then.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { Script } from "node:vm";

/** Set by the build: where to write what V8 has compiled when the program ends. */
const KEEP_VARIABLE = "RUNHCS_KEEP_CODE";

type Bundle = (
  exports: object,
  require: NodeJS.Require,
  module: { readonly exports: object },
  filename: string,
  directory: string,
) => void;

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** @returns what the bundle exports */
export function loadBundle(filename: string): object {
  const cachedData = readIfThere(`${filename}.cache`);
  const source = `(function(exports,require,module,__filename,__dirname){${readFileSync(filename, "utf8")}\n})`;
  const script = new Script(source, { filename, ...(cachedData === undefined ? {} : { cachedData }) });
  const kept = process.env[KEEP_VARIABLE];
  if (kept !== undefined) {
    delete process.env[KEEP_VARIABLE];
    process.on("exit", () => writeFileSync(kept, script.createCachedData()));
  }
  const module = { exports: {} };
  const bundle = script.runInThisContext() as Bundle;
  bundle(module.exports, createRequire(filename), module, filename, dirname(filename));
  return module.exports;
}

/** What a program exports that does nothing before it is told to, because another program may run it, with work of its own. */
export interface Program<Work> {
  main(work?: Work): void;
}
