import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { sha256 } from "../../../../shim/bootstrap/sha256.ts";

describe("sha256", () => {
  it("is that of the runtime, for texts of every length up to three blocks", () => {
    for (let length = 0; length <= 192; length += 1) {
      const text = Array.from({ length }, (_, index) => String.fromCharCode(33 + ((index * 7) % 90))).join(
        "",
      );
      assert.equal(sha256(text), createHash("sha256").update(text).digest("hex"), `length ${length}`);
    }
  });

  it("takes text as UTF-8", () => {
    assert.equal(sha256("naïve ↔ 🦊"), createHash("sha256").update("naïve ↔ 🦊").digest("hex"));
  });
});
