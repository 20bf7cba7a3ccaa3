import assert from "node:assert/strict";
import * as ANNOTATION from "../../../../oci/annotations/catalogue.ts";
import { expandAnnotations, refusalError } from "../../../../oci/annotations/expand.ts";

const E = ANNOTATION.unsafeOperationsDisabled.key;
const D = ANNOTATION.hostProcessDisabled.key;
const H = ANNOTATION.hostProcess.key;
const W = ANNOTATION.vmNoWritableShares.key;
const TARGETS = [ANNOTATION.gmsaDisabled.key, W, ANNOTATION.noDirectMap.key, D];

function filled(text: string): Record<string, string> {
  return Object.fromEntries(TARGETS.map((key) => [key, text]));
}

describe("expandAnnotations", () => {
  for (const text of ["true", "false", "", "banana"]) {
    it(`copies ${JSON.stringify(text)} as it is`, () => {
      const { annotations, refusals } = expandAnnotations({ [E]: text });
      assert.deepEqual(annotations, { [E]: text, ...filled(text) });
      assert.deepEqual(refusals, []);
    });
  }

  it("warns that the copy cannot be read", () => {
    const { warnings } = expandAnnotations({ [E]: "banana" });
    assert.deepEqual(
      warnings.map(({ kind, at, value }) => [kind, at, value]),
      [["annotation-unparsable", `annotation ${D}`, "banana"]],
    );
  });

  it("leaves annotations alone without the key", () => {
    const given = { [H]: "true", [W]: "false" };
    assert.deepEqual(expandAnnotations(given), { annotations: given, warnings: [], refusals: [] });
  });

  it("keeps a target that has another text, expands the rest, and refuses", () => {
    const { annotations, warnings, refusals } = expandAnnotations({ [E]: "true", [W]: "True" });
    assert.deepEqual(annotations, { [E]: "true", ...filled("true"), [W]: "True" });
    assert.deepEqual(
      warnings.map(({ kind, at }) => [kind, at]),
      [["annotation-expansion-conflict", `annotation ${E}`]],
    );
    assert.equal(
      refusalError(refusals)?.message,
      `invalid annotation ${W}: must be "true", the text of ${E}, or absent (found "True")`,
    );
  });

  /** disable-unsafe-operations, disable-hostprocess, hostprocess → how many expansions and conflicts are refused. */
  const TRUTH = [
    ["true", "true", "false", 0, 0],
    ["false", "false", "true", 0, 0],
    ["false", "false", "false", 0, 0],
    ["true", "true", "true", 0, 1],
    ["true", "false", "false", 1, 0],
    ["false", "true", "false", 1, 0],
    ["true", "false", "true", 1, 0],
    ["false", "true", "true", 1, 1],
    ["true", undefined, undefined, 0, 0],
    [undefined, "1", "true", 0, 1],
    ["true", undefined, "True", 0, 1],
    [undefined, "T", "t", 0, 1],
  ] as const;
  for (const [e, d, h, expansions, conflicts] of TRUTH) {
    it(`refuses ${expansions} expansions and ${conflicts} conflicts of ${e}, ${d}, ${h}`, () => {
      const given = {
        ...(e === undefined ? {} : { [E]: e }),
        ...(d === undefined ? {} : { [D]: d }),
        ...(h === undefined ? {} : { [H]: h }),
      };
      const kinds = expandAnnotations(given).warnings.map(({ kind }) => kind);
      assert.equal(kinds.filter((kind) => kind === "annotation-expansion-conflict").length, expansions);
      assert.equal(kinds.filter((kind) => kind === "host-process-enabled-and-disabled").length, conflicts);
    });
  }

  it("tells all that is refused in one error", () => {
    const { refusals } = expandAnnotations({ [E]: "true", [W]: "no", [H]: "true" });
    assert.match(
      refusalError(refusals)?.message ?? "",
      /disablewritable: must be .*; annotation .*cannot be set together/,
    );
  });
});
