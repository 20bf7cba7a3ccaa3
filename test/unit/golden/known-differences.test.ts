import assert from "node:assert/strict";
import type { Difference } from "../../golden/runner/compare/values.ts";
import { judge, outdated, parseKnownDifferences } from "../../golden/runner/known-differences.ts";

const HEAD = "| case | where | expected | got | reason |\n|---|---|---|---|---|\n";

const difference = (path: string, values: Partial<Difference> = { expected: 1, actual: 2 }): Difference => ({
  path,
  expected: undefined,
  actual: undefined,
  ...values,
});

describe("parseKnownDifferences", () => {
  it("reads the rows of a table, in the text around it", () => {
    const text = `# Title\n\nwords\n\n${HEAD}| one | \`results.json step 1\` | nothing | \`{"a":1}\` | because |\n`;
    assert.deepEqual(parseKnownDifferences(text), [
      {
        case: "one",
        where: "results.json step 1",
        expected: { value: undefined },
        got: { value: { a: 1 } },
        reason: "because",
      },
    ]);
  });

  it("takes any value where the row says so", () => {
    const [row] = parseKnownDifferences(`${HEAD}| a | b | any | any | c |`);
    assert.deepEqual([row?.expected, row?.got], ["any", "any"]);
  });

  it("refuses other columns, and rows that are not complete", () => {
    assert.throws(() => parseKnownDifferences("| a | b |\n"), /the columns must be case, where/);
    assert.throws(() => parseKnownDifferences(`${HEAD}| a | b | any | any |  |`), /it needs case, where/);
  });
});

describe("judge", () => {
  const known = parseKnownDifferences(
    `${HEAD}| one | results.json step 1 | any | any | r |\n| * | trace.json * A/type | nothing | "x" | r |\n`,
  );

  it("takes differences at and below a place for meant", () => {
    const found = [
      "results.json step 1",
      "results.json step 1/response",
      "results.json step 1 more",
      "results.json step 10",
    ];
    const { unexpected, applied } = judge(
      "one",
      found.map((path) => difference(path)),
      known,
    );
    assert.deepEqual(
      unexpected.map(({ path }) => path),
      ["results.json step 10"],
    );
    assert.deepEqual(applied, [known[0]]);
  });

  it("does so in the row's case alone", () => {
    assert.equal(judge("two", [difference("results.json step 1")], known).unexpected.length, 1);
  });

  it("knows differences of every case, narrowed down by their values", () => {
    const path = "trace.json step 3 kill c1 calls 1 A/type";
    assert.equal(judge("two", [difference(path, { actual: "x" })], known).unexpected.length, 0);
    assert.equal(judge("two", [difference(path, { actual: "y" })], known).unexpected.length, 1);
    assert.equal(
      judge("two", [difference(path, { expected: "z", actual: "x" })], known).unexpected.length,
      1,
    );
  });
});

describe("outdated", () => {
  const known = parseKnownDifferences(
    `${HEAD}| one | results.json step 1 | any | any | r |\n| * | a | any | any | r |\n`,
  );

  it("tells of rows of the case that nothing answers to", () => {
    assert.deepEqual(
      outdated("one", known, [], () => true).map(({ path }) => path),
      ["results.json step 1"],
    );
    assert.deepEqual(
      outdated("one", known, known, () => true),
      [],
    );
    assert.deepEqual(
      outdated("two", known, [], () => true),
      [],
    );
  });

  it("does not judge what was not compared", () => {
    assert.deepEqual(
      outdated("one", known, [], () => false),
      [],
    );
  });
});
