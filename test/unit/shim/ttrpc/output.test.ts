import assert from "node:assert/strict";
import { Output } from "../../../../shim/ttrpc/output.ts";

function written(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString("latin1");
}

function put(output: Output, text: string): void {
  const at = output.reserve(text.length);
  output.target.set(Buffer.from(text, "latin1"), at);
}

describe("Output", () => {
  it("makes one chunk of many small pieces", () => {
    const output = new Output();
    for (let piece = 0; piece < 100; piece++) {
      put(output, `${piece}`);
      output.append(Buffer.from(","));
    }
    assert.equal(output.length, 290);
    const chunks = output.take();
    assert.equal(chunks.length, 1);
    assert.equal(written(chunks), Array.from({ length: 100 }, (_, piece) => `${piece},`).join(""));
    assert.equal(output.length, 0);
    assert.deepEqual(output.take(), []);
  });

  it("keeps a large piece as it is, between its neighbours", () => {
    const output = new Output();
    const large = Buffer.alloc(100_000, "L");
    put(output, "before");
    output.append(large);
    put(output, "after");
    const chunks = output.take();
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      [6, 100_000, 5],
    );
    assert.equal(chunks[1], large);
    assert.equal(written(chunks), `before${large.toString("latin1")}after`);
  });

  it("makes room for more than fits beside small pieces", () => {
    const output = new Output();
    put(output, "a");
    put(output, "B".repeat(70_000));
    put(output, "c");
    assert.equal(written(output.take()), `a${"B".repeat(70_000)}c`);
  });

  it("keeps the bytes of several outputs apart though they share memory", () => {
    const outputs = Array.from({ length: 3 }, () => new Output());
    const expected = ["", "", ""];
    for (let piece = 0; piece < 30_000; piece++) {
      const index = (piece * 7) % 3;
      const text = `${index}:${piece};`;
      put(outputs[index]!, text);
      expected[index] += text;
    }
    for (const [index, output] of outputs.entries()) assert.equal(written(output.take()), expected[index]);
  });

  it("does not touch what it has handed over", () => {
    const output = new Output();
    put(output, "first");
    const first = output.take();
    put(output, "second");
    output.append(Buffer.from("third"));
    output.take();
    assert.equal(written(first), "first");
  });

  it("adds nothing for an empty piece", () => {
    const output = new Output();
    output.append(Buffer.alloc(0));
    assert.equal(output.length, 0);
    assert.deepEqual(output.take(), []);
  });
});
