import assert from "node:assert/strict";
import { createReporter } from "../../../../scripts/terminal/reporter.ts";

/** A stream that remembers what was written; a terminal when `columns` is given. */
function recordingStream(columns?: number): { stream: NodeJS.WriteStream; text: () => string } {
  const chunks: string[] = [];
  const stream = {
    isTTY: columns !== undefined,
    columns,
    write: (chunk: string) => chunks.push(chunk),
  } as unknown as NodeJS.WriteStream;
  return { stream, text: () => chunks.join("") };
}

describe("createReporter", () => {
  it("writes one plain line for a step into a pipe, without escape sequences", async () => {
    const { stream, text } = recordingStream();
    const result = await createReporter(stream).step("make tea", (update) => {
      update("green");
      return 42;
    });
    assert.equal(result, 42);
    assert.match(text(), /^ {2}ok {3}make tea: green {2}\d+(\.\d+)? ms\n$/);
  });

  it("says that a step failed and passes the error on", async () => {
    const { stream, text } = recordingStream();
    const failure = new Error("no water");
    await assert.rejects(
      createReporter(stream).step("make tea", () => Promise.reject(failure)),
      (error) => error === failure,
    );
    assert.match(text(), /^ {2}FAIL make tea {2}/);
  });

  it("ends a moving line with the step's own line on a terminal", async () => {
    const { stream, text } = recordingStream(80);
    await createReporter(stream).step("make tea", () => undefined);
    assert.ok(text().startsWith("\r\u001b[2K"));
    assert.ok(text().endsWith("\n"));
    assert.match(text(), /✔.* make tea/);
  });

  it("never lets a moving line grow over the terminal's width", async () => {
    const { stream, text } = recordingStream(40);
    await createReporter(stream).step("t".repeat(200), () => undefined);
    const moving = text().split("\r\u001b[2K").slice(1, -1);
    assert.ok(moving.length > 0);
    // eslint-disable-next-line no-control-regex
    for (const line of moving) assert.ok(line.replaceAll(/\u001b\[\d+m/g, "").length <= 40, line);
  });

  it("writes headings, notes and warnings", () => {
    const { stream, text } = recordingStream();
    const reporter = createReporter(stream);
    reporter.heading("Kitchen");
    reporter.note("one", "", "two");
    reporter.warn("hot");
    assert.equal(text(), "\nKitchen\n  one\n\n  two\n  warning: hot\n");
  });
});
