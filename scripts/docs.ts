/**
 * Writes the documents that are generated from data: options, annotations, errors, states. `--check` only compares.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { annotationsDocument } from "./docs/annotations.ts";
import { containervDocument } from "./docs/containerv.ts";
import { errorsDocument } from "./docs/errors.ts";
import { optionsDocument } from "./docs/options.ts";
import { statesDocument } from "./docs/states.ts";
import { windowsDocument } from "./docs/windows.ts";

const DOCS = join(dirname(dirname(fileURLToPath(import.meta.url))), "docs");

const DOCUMENTS: Readonly<Record<string, () => string>> = {
  "annotations.md": annotationsDocument,
  "containerv.md": containervDocument,
  "errors.md": errorsDocument,
  "options.md": optionsDocument,
  "states.md": statesDocument,
  "windows.md": windowsDocument,
};

/** Names of documents that differ from what the data say. */
function staleDocuments(): string[] {
  return Object.entries(DOCUMENTS).flatMap(([name, text]) =>
    readIfThere(join(DOCS, name)) === text() ? [] : [name],
  );
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const stale = staleDocuments();
if (process.argv.includes("--check")) {
  for (const name of stale) console.error(`docs/${name} is stale: run "npm run docs"`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  mkdirSync(DOCS, { recursive: true });
  for (const name of stale) {
    writeFileSync(join(DOCS, name), (DOCUMENTS[name] as () => string)());
    console.error(`wrote docs/${name}`);
  }
}
