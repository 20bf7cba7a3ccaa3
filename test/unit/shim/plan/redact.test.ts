import assert from "node:assert/strict";
import { HIDDEN, redacted } from "../../../../shim/plan/redact.ts";

describe("redacted", () => {
  const CASES: readonly (readonly [string, unknown, unknown])[] = [
    ["credential specifications", { credentialSpec: "{}" }, { credentialSpec: HIDDEN }],
    [
      "what a credential guard answers",
      { ContainerCredentialGuard: { Cookie: "c", Transport: "LRPC", CredentialSpec: "{}" } },
      { ContainerCredentialGuard: { Cookie: HIDDEN, Transport: "LRPC", CredentialSpec: HIDDEN } },
    ],
    ["values of an environment", { Environment: { A: "1" } }, { Environment: { A: HIDDEN } }],
    ["values of a list of variables", { env: ["A=1=2", "B"] }, { env: [`A=${HIDDEN}`, "B"] }],
    [
      "values of the registry",
      { AddValues: [{ Name: "n", Type: "DWord", DWordValue: 1 }] },
      { AddValues: [{ Name: "n", Type: "DWord", DWordValue: HIDDEN }] },
    ],
    [
      "keys of layers",
      { Layers: [{ EncryptionKey: "k", Path: "p" }] },
      { Layers: [{ EncryptionKey: HIDDEN, Path: "p" }] },
    ],
  ];
  for (const [name, given, expected] of CASES) {
    it(`hides ${name}`, () => {
      const before = JSON.stringify(given);
      assert.deepEqual(redacted(given), expected);
      assert.equal(JSON.stringify(given), before);
    });
  }

  it("leaves everything else", () => {
    const document = { Memory: { SizeInMB: 1024 }, list: [1, "a", null, true] };
    assert.deepEqual(redacted(document), document);
  });
});
