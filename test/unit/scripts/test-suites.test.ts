import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { filesOf, SUITES, selectSuites } from "../../../scripts/test/suites.ts";

/** How mocha finds files; its types leave it out. */
const { lookupFiles } = createRequire(import.meta.url)("mocha/lib/cli/cli.js") as {
  lookupFiles(pattern: string, extensions: readonly string[]): string[];
};

/** Folders below `test/` that hold no tests of their own. */
const NOT_SUITES = ["support", "fixtures"];

const ALL = SUITES.filter(({ byName }) => byName !== true).map(({ name }) => name);

describe("SUITES", () => {
  it("has a suite for each folder of tests", () => {
    const folders = readdirSync(join(import.meta.dirname, "../.."), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !NOT_SUITES.includes(entry.name))
      .map(({ name }) => name);
    assert.deepEqual(
      folders.filter((folder) => !SUITES.some(({ name }) => name === folder)),
      [],
    );
  });

  it("has no name twice", () => {
    const names = SUITES.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
  });
});

describe("filesOf", () => {
  for (const suite of SUITES) {
    it(`says of ${suite.name} what mocha finds`, () => {
      assert.notDeepEqual(lookupFiles(filesOf(suite), ["ts"]), []);
    });
  }
});

describe("selectSuites", () => {
  const cases: [string, string[], string[], string[]][] = [
    ["everything without words", [], ALL, []],
    ["suites by name, in the order in which they run", ["property", "unit"], ["unit", "property"], []],
    ["one that runs by name alone", ["load"], ["load"], []],
    ["mocha's words after the suites", ["unit", "-g", "unit"], ["unit"], ["-g", "unit"]],
    ["a file after the suites", ["unit", "test/x.ts"], ["unit"], ["test/x.ts"]],
    ["mocha's words alone", ["--bail"], ALL, ["--bail"]],
  ];
  for (const [title, words, suites, mocha] of cases) {
    it(`selects ${title}`, () => {
      const selection = selectSuites(words);
      assert.deepEqual(
        selection.suites.map(({ name }) => name),
        suites,
      );
      assert.deepEqual(selection.mochaArguments, mocha);
    });
  }

  it("refuses a suite that does not exist", () => {
    assert.throws(() => selectSuites(["unti"]), /cannot run suite "unti": known are unit, property/);
  });
});
