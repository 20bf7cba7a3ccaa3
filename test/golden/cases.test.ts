import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCases, isLeftOut } from "./runner/case.ts";
import { CHECKS, checkCase } from "./runner/check.ts";
import { formatDifferences } from "./runner/report.ts";

const CASES = join(dirname(fileURLToPath(import.meta.url)), "hcs");

describe("golden cases", () => {
  for (const golden of findCases(CASES).filter((candidate) => !isLeftOut(candidate))) {
    it(golden.name, async () => {
      const differences = await checkCase(golden, CHECKS);
      assert.equal(formatDifferences(differences, 5).join("\n"), "");
    });
  }
});
