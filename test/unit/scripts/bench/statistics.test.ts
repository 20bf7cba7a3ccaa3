import assert from "node:assert/strict";
import { median, percentile } from "../../../../scripts/bench/statistics.ts";

describe("median", () => {
  const cases: [number[], number][] = [
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ];
  for (const [values, expected] of cases) {
    it(`of ${values.join(", ")} is ${expected}`, () => assert.equal(median(values), expected));
  }

  it("of nothing is not a number", () => assert.ok(Number.isNaN(median([]))));

  it("leaves the values in their order", () => {
    const values = [3, 1, 2];
    median(values);
    assert.deepEqual(values, [3, 1, 2]);
  });
});

describe("percentile", () => {
  const ten = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
  const cases: [number, number][] = [
    [0, 1],
    [0.1, 1],
    [0.5, 5],
    [0.9, 9],
    [0.91, 10],
    [1, 10],
  ];
  for (const [fraction, expected] of cases) {
    it(`${fraction} of one to ten is ${expected}`, () => assert.equal(percentile(ten, fraction), expected));
  }

  it("of nothing is not a number", () => assert.ok(Number.isNaN(percentile([], 0.5))));
});
