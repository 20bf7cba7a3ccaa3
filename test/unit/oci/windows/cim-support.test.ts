import assert from "node:assert/strict";
import { checkCimSupport } from "../../../../oci/windows/cim-support.ts";

describe("checkCimSupport", () => {
  for (const [kind, build, revision] of [
    ["folders", 14393, undefined],
    ["forked-cims", 26100, undefined],
    ["forked-cims", 20348, 2031],
    ["forked-cims", 20348, undefined],
    ["block-cims", 27766, undefined],
  ] as const) {
    it(`takes ${kind} on ${build}.${revision ?? "?"}`, () => checkCimSupport(kind, { build, revision }));
  }

  for (const [kind, build, revision, found] of [
    ["forked-cims", 20348, 2030, '"20348.2030"'],
    ["forked-cims", 25398, 9999, '"25398.9999"'],
    ["forked-cims", 17763, undefined, "17763"],
    ["block-cims", 26100, 9999, '"26100.9999"'],
  ] as const) {
    it(`refuses ${kind} on ${build}.${revision ?? "?"}`, () =>
      assert.throws(() => checkCimSupport(kind, { build, revision }), {
        refusal: "failed precondition",
        message: new RegExp(`need Windows build .*\\(found ${found}\\)`),
      }));
  }
});
