/** Recorded documents, under test/golden/hcs. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const RECORDINGS = join(dirname(fileURLToPath(import.meta.url)), "..", "golden", "hcs");

export function readFixture(name: string): string {
  return readFileSync(join(RECORDINGS, name), "utf8");
}

export function readJsonFixture(name: string): unknown {
  return JSON.parse(readFixture(name));
}
