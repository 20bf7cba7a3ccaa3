import assert from "node:assert/strict";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatTable,
} from "../../../../scripts/terminal/format.ts";

describe("formatDuration", () => {
  const cases: [number, string][] = [
    [1.25, "1.3 ms"],
    [42.4, "42 ms"],
    [999.4, "999 ms"],
    [1000, "1.0 s"],
    [59_940, "59.9 s"],
    [60_000, "1 min 00 s"],
    [185_400, "3 min 05 s"],
  ];
  for (const [milliseconds, text] of cases) {
    it(`writes ${milliseconds} ms as ${text}`, () => assert.equal(formatDuration(milliseconds), text));
  }
});

describe("formatBytes", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [150 * 1024 * 1024, "150 MiB"],
    [3 * 1024 ** 3, "3.0 GiB"],
  ];
  for (const [bytes, text] of cases) {
    it(`writes ${bytes} as ${text}`, () => assert.equal(formatBytes(bytes), text));
  }
});

describe("formatTable", () => {
  it("aligns columns and leaves no trailing blanks", () => {
    const rows = [
      ["name", "size", "note"],
      ["a", "10", ""],
      ["longer", "7", "x"],
    ];
    assert.deepEqual(formatTable(rows, [1]), ["name    size  note", "a         10", "longer     7  x"]);
  });
});

describe("formatCount", () => {
  it("knows one from many", () => {
    assert.deepEqual(
      [0, 1, 2].map((count) => formatCount(count, "test")),
      ["0 tests", "1 test", "2 tests"],
    );
  });
});
