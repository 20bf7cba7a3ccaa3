import assert from "node:assert/strict";
import { createLiveLine } from "../../../../scripts/terminal/live-line.ts";

function recordingStream(columns?: number): { stream: NodeJS.WriteStream; text: () => string } {
  const chunks: string[] = [];
  const stream = {
    isTTY: columns !== undefined,
    columns,
    write: (chunk: string) => chunks.push(chunk),
  } as unknown as NodeJS.WriteStream;
  return { stream, text: () => chunks.join("") };
}

describe("createLiveLine", () => {
  it("shows nothing in a file, only what stays", () => {
    const { stream, text } = recordingStream();
    const line = createLiveLine(stream);
    line.show("moving");
    line.print("stays", "too");
    line.clear();
    assert.equal(text(), "stays\ntoo\n");
  });

  it("keeps the line below what is printed", () => {
    const { stream, text } = recordingStream(20);
    const line = createLiveLine(stream);
    line.show("one");
    line.print("stays");
    line.show("two");
    line.clear();
    line.print("end");
    const erase = "\r\u001b[2K";
    assert.equal(text(), `one${erase}stays\none${erase}two${erase}end\n`);
  });

  it("cuts the line at the terminal's width", () => {
    const { stream, text } = recordingStream(15);
    createLiveLine(stream).show("x".repeat(100));
    assert.equal(text(), `${"x".repeat(13)}…`);
  });
});
