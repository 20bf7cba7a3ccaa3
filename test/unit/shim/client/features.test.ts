import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FEATURES } from "../../../../shim/client/features.ts";

const TESTS = join(import.meta.dirname, "../../..");

describe("FEATURES", () => {
  it("are numbered without a gap", () => {
    assert.deepEqual(
      FEATURES.map(({ number }) => number),
      FEATURES.map((_, index) => index + 1),
    );
  });

  for (const { number, feature, offered, note, tests } of FEATURES) {
    it(`${number}, ${feature}: has tests, or a reason`, () => {
      if (offered !== "yes") assert.ok((note ?? "") !== "", "says what is not offered");
      if (offered !== "no") assert.ok(tests.length > 0, "names a test");
      for (const test of tests) {
        const [file = "", title = ""] = test.split(/: (.*)/s);
        assert.ok(readFileSync(join(TESTS, file), "utf8").includes(title), `${file} has "${title}"`);
      }
    });
  }
});
