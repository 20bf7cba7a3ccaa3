import assert from "node:assert/strict";
import { drawChart, isMet } from "../../../../scripts/bench/chart.ts";

describe("isMet", () => {
  it("knows which way is better", () => {
    assert.ok(isMet({ ratio: 0.9, bound: 1, better: "lower" }));
    assert.ok(!isMet({ ratio: 1.1, bound: 1, better: "lower" }));
    assert.ok(isMet({ ratio: 1.1, bound: 1, better: "higher" }));
    assert.ok(!isMet({ ratio: NaN, bound: 1, better: "higher" }), "what was not measured is not met");
  });
});

describe("drawChart", () => {
  const bar = { label: "a < b", ratio: 2, bound: 1, better: "lower" } as const;

  it("draws a bar for each row, in the colour of its verdict", () => {
    const picture = drawChart("title", [bar, { ...bar, ratio: 0.5 }]);
    assert.equal(picture.match(/#c05621/g)?.length, 1);
    assert.equal(picture.match(/#2f855a/g)?.length, 1);
  });

  it("keeps bars within the picture, and text text", () => {
    const picture = drawChart("t", [{ ...bar, ratio: 1000 }]);
    const [, at, width] = /<rect x="([\d.]+)" y="51" width="([\d.]+)"/.exec(picture) ?? [];
    assert.ok(Number(at) + Number(width) < 860);
    assert.ok(picture.includes("a &lt; b"));
  });
});
