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
export const KEEP_VARIABLE = "RUNHCS_KEEP_CODE";
/** Set by the build as well, for code that is to be kept whole: V8 compiles what is never called, too. */
export const KEEP_WHOLE_VARIABLE = "RUNHCS_KEEP_WHOLE_CODE";

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

/** Code that is kept is bound to V8's flags as they are then: they have to be again what they are where it is used. */
function wholly(compile: () => Script): Script {
  // Not imported: every program would load it.
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  setFlagsFromString("--no-lazy");
  try {
    return compile();
  } finally {
    setFlagsFromString("--lazy");
  }
}

/** @returns what the bundle exports */
export function loadBundle(filename: string): object {
  const cachedData = readIfThere(`${filename}.cache`);
  const source = `(function(exports,require,module,__filename,__dirname){${readFileSync(filename, "utf8")}\n})`;
  const compile = (): Script =>
    new Script(source, { filename, ...(cachedData === undefined ? {} : { cachedData }) });
  const script = process.env[KEEP_WHOLE_VARIABLE] === undefined ? compile() : wholly(compile);
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
