/**
 * What every program of `dist/` begins with: runs the program's bundle with the code that V8 kept of it when it was built
 * (`scripts/build/code-cache.ts`). Without it, compiling the daemon takes as long as booting Node. Code kept by another
 * version of V8, or under other flags, is refused by V8 itself, and the bundle is compiled then.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";

/** The bundle, relative to the program: put in by the build. */
declare const BUNDLE: string;
declare const __dirname: string;

/** Set by the build: where to write what V8 has compiled when the program ends. */
const KEEP_VARIABLE = "RUNHCS_KEEP_CODE";

type Program = (
  exports: object,
  require: NodeJS.Require,
  module: object,
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

function load(filename: string): void {
  const cachedData = readIfThere(`${filename}.cache`);
  const source = `(function(exports,require,module,__filename,__dirname){${readFileSync(filename, "utf8")}\n})`;
  const script = new Script(source, { filename, ...(cachedData === undefined ? {} : { cachedData }) });
  const kept = process.env[KEEP_VARIABLE];
  if (kept !== undefined) {
    delete process.env[KEEP_VARIABLE];
    process.on("exit", () => writeFileSync(kept, script.createCachedData()));
  }
  const module = { exports: {} };
  const program = script.runInThisContext() as Program;
  program(module.exports, createRequire(filename), module, filename, dirname(filename));
}

load(join(__dirname, BUNDLE));
