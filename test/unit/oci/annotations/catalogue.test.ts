import assert from "node:assert/strict";
import * as catalogue from "../../../../oci/annotations/catalogue.ts";
import { ANNOTATION_TOPICS } from "../../../../oci/annotations/topics.ts";

const rows = ANNOTATION_TOPICS.flatMap((topic) => topic.rows);

describe("the annotation catalogue", () => {
  it("has each key once", () => {
    const keys = rows.map(({ key }) => key);
    assert.deepEqual(keys.toSorted(), [...new Set(keys)].toSorted());
  });

  it("has every row under a topic", () => {
    const exported = Object.values(catalogue).map(({ key }) => key);
    assert.deepEqual(exported.toSorted(), rows.map(({ key }) => key).toSorted());
  });

  for (const row of rows) {
    it(`says everything about ${row.key}`, () => {
      assert.match(row.key, /^(?:io\.(?:microsoft|kubernetes\.cri)|microsoft\.com)[./]/);
      assert.notEqual(row.type.name, "");
      assert.notEqual(row.default, "");
      assert.notEqual(row.effect, "");
      // A key ends with a blank only by mistake, and with a dot only as the beginning of others.
      assert.equal(/[\s.]$/.test(row.key), row.prefix === true);
    });
  }
});
