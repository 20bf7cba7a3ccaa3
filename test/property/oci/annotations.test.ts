import assert from "node:assert/strict";
import fc from "fast-check";
import * as catalogue from "../../../oci/annotations/catalogue.ts";
import { ANNOTATION_EXPANSIONS, expandAnnotations } from "../../../oci/annotations/expand.ts";
import { ANNOTATION_TOPICS } from "../../../oci/annotations/topics.ts";
import { validateAnnotations } from "../../../oci/annotations/validate.ts";

const rows = ANNOTATION_TOPICS.flatMap(({ rows: ofTopic }) => ofTopic);

/** Texts that nearly are values, too. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "true", "True", "1", "-1", "0", "18446744073709551616", "1,2", "[]", "null", "{}"),
  fc.json(),
);
const key = fc.oneof(
  fc.constantFrom(...rows.map((row) => row.key), ...ANNOTATION_EXPANSIONS.keys()),
  fc.string().map((suffix) => catalogue.hvSocketServiceTable.key + suffix),
  fc.string(),
);
const annotations = fc.dictionary(key, text, { maxKeys: 8 });

describe("annotation values", () => {
  it("are read or not read, and never throw", () => {
    fc.assert(
      fc.property(text, (value) => {
        for (const row of rows) row.type.parse(value);
      }),
    );
  });

  it("are validated without throwing, and without being changed", () => {
    fc.assert(
      fc.property(annotations, (given) => {
        const before = JSON.stringify(given);
        validateAnnotations(given, { isolation: "windows-vm", role: "sandbox" });
        assert.equal(JSON.stringify(given), before);
      }),
    );
  });
});

describe("expandAnnotations", () => {
  it("changes nothing the second time", () => {
    fc.assert(
      fc.property(annotations, (given) => {
        const once = expandAnnotations(given);
        const twice = expandAnnotations(once.annotations);
        assert.deepEqual(twice.annotations, once.annotations);
        assert.equal(twice.refusals.length, once.refusals.length);
      }),
    );
  });

  it("takes nothing away and overwrites nothing", () => {
    fc.assert(
      fc.property(annotations, (given) => {
        const { annotations: expanded } = expandAnnotations(given);
        for (const [name, value] of Object.entries(given)) assert.equal(expanded[name], value);
      }),
    );
  });
});
