import assert from "node:assert/strict";
import { GrowingBuffer } from "../../../../hcs/guest/growing-buffer.ts";

describe("GrowingBuffer", () => {
  it("collects pieces in order and hands them over once", () => {
    const buffer = new GrowingBuffer();
    for (const piece of ["ab", "", "c".repeat(5000), "d"]) buffer.append(Buffer.from(piece));
    assert.equal(buffer.length, 5003);
    assert.equal(buffer.bytes.toString(), `ab${"c".repeat(5000)}d`);
    assert.equal(buffer.take().toString(), `ab${"c".repeat(5000)}d`);
    assert.equal(buffer.length, 0);
    buffer.append(Buffer.from("e"));
    assert.equal(buffer.take().toString(), "e");
  });

  it("copies what it is given", () => {
    const buffer = new GrowingBuffer();
    const piece = Buffer.from("ab");
    buffer.append(piece);
    piece.fill("x");
    assert.equal(buffer.bytes.toString(), "ab");
  });
});
