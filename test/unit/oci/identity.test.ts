import assert from "node:assert/strict";
import { SpecError } from "../../../oci/errors.ts";
import { CONTAINER_TYPE, identityOf, SANDBOX_ID, type Identity } from "../../../oci/identity.ts";

/** container-type, sandbox-id, what they mean; undefined: they contradict each other. */
const CASES: readonly (readonly [string | undefined, string | undefined, Identity | undefined])[] = [
  [undefined, undefined, { role: "standalone" }],
  [undefined, "", { role: "standalone" }],
  [undefined, "pod", undefined],
  ["container", "pod", { role: "workload", podId: "pod" }],
  ["sandbox", "pod", { role: "sandbox", podId: "pod" }],
  ["container", undefined, undefined],
  ["container", "", undefined],
  ["sandbox", undefined, undefined],
  ["", "pod", undefined],
  ["Sandbox", "pod", undefined],
  ["pod", "pod", undefined],
];

describe("identityOf", () => {
  for (const [type, id, expected] of CASES) {
    const annotations: Record<string, string> = {};
    if (type !== undefined) annotations[CONTAINER_TYPE] = type;
    if (id !== undefined) annotations[SANDBOX_ID] = id;
    const outcome = expected === undefined ? "is refused" : `is ${JSON.stringify(expected)}`;
    it(`type ${JSON.stringify(type)} with sandbox id ${JSON.stringify(id)} ${outcome}`, () => {
      if (expected === undefined) assert.throws(() => identityOf(annotations), SpecError);
      else assert.deepEqual(identityOf(annotations), expected);
    });
  }
});
