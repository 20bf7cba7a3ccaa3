import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCases, isLeftOut } from "./runner/case.ts";
import { CHECKS, checkCase, readKnownDifferences } from "./runner/check.ts";
import type { KnownDifference } from "./runner/known-differences.ts";
import { formatDifferences } from "./runner/report.ts";

const CASES = join(dirname(fileURLToPath(import.meta.url)), "hcs");

describe("golden cases", () => {
  const known = readKnownDifferences();
  const applied = new Set<KnownDifference>();

  for (const golden of findCases(CASES).filter((candidate) => !isLeftOut(candidate))) {
    it(golden.name, async () => {
      const judgement = await checkCase(golden, CHECKS, known);
      for (const row of judgement.applied) applied.add(row);
      assert.equal(formatDifferences(judgement.unexpected, 5).join("\n"), "");
    });
  }

  it("show every difference that DIFFERENCES.md names", () => {
    // Those of whole processes show in the suite "packed".
    const endToEnd = findCases(CASES).filter(({ options }) => options.kind === "e2e");
    const others = new Set(endToEnd.map(({ name }) => name));
    assert.deepEqual(
      known.filter((row) => !applied.has(row) && !others.has(row.case)),
      [],
    );
  });
});
