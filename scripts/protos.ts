/**
 * Generates `protos/gen/*.ts` from `protos/proto`. The results are committed, so that neither a build nor a
 * reader needs the generator; `--check` writes nothing and fails when they are not what the texts give.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { emitModule } from "./protos/emit.ts";
import { loadModel, type ProtoFile } from "./protos/model.ts";
import { MODULES } from "./protos/modules.ts";

const protos = join(dirname(dirname(fileURLToPath(import.meta.url))), "protos");

/** The `.proto` texts of the repository. */
export function readProtos(folder: string = join(protos, "proto")): ProtoFile[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".proto"))
    .sort()
    .map((path) => ({
      path: path.split(sep).join("/"),
      text: readFileSync(join(folder, path), "utf8"),
    }));
}

/** What `protos/gen` should hold: file name → text. */
export function generate(files: readonly ProtoFile[] = readProtos()): Map<string, string> {
  const model = loadModel(files, MODULES);
  return new Map(model.modules.map((module) => [`${module.name}.ts`, emitModule(model, module, "..")]));
}

/** Names of files in `folder` that are missing, superfluous or different from `expected`. */
export function staleFiles(
  expected: ReadonlyMap<string, string>,
  folder: string = join(protos, "gen"),
): string[] {
  const present = new Set(readdirSync(folder));
  const wrong = [...expected].filter(
    ([name, text]) => !present.has(name) || readFileSync(join(folder, name), "utf8") !== text,
  );
  return [...wrong.map(([name]) => name), ...[...present].filter((name) => !expected.has(name))].sort();
}

function main(args: readonly string[]): number {
  const unknown = args.filter((arg) => arg !== "--check");
  if (unknown.length > 0) {
    console.error(
      `cannot generate protos: unknown argument ${unknown.join(" ")} (--check compares, nothing writes)`,
    );
    return 2;
  }
  const folder = join(protos, "gen");
  mkdirSync(folder, { recursive: true });
  const expected = generate();
  const stale = staleFiles(expected, folder);
  if (args.includes("--check")) {
    if (stale.length > 0)
      console.error(`protos/gen is out of date: ${stale.join(", ")}: run "npm run protos"`);
    return stale.length > 0 ? 1 : 0;
  }
  for (const name of stale) {
    const text = expected.get(name);
    if (text === undefined) rmSync(join(folder, name));
    else writeFileSync(join(folder, name), text);
    console.log(`${text === undefined ? "removed" : "wrote"} protos/gen/${name}`);
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
