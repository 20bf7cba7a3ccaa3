import assert from "node:assert/strict";
import {
  encodeLine,
  LineSplitter,
  parseHandleEvent,
  parseHandleRequest,
} from "../../../../../hcs/emulator/worker/messages.ts";

describe("LineSplitter", () => {
  it("gives the same lines for every split of a text", () => {
    const text = '{"a":1}\n\n{"b":2}\n{"c"';
    for (let first = 0; first <= text.length; first += 1) {
      for (let second = first; second <= text.length; second += 1) {
        const splitter = new LineSplitter();
        const parts = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        assert.deepEqual(
          parts.flatMap((part) => splitter.push(part)),
          ['{"a":1}', '{"b":2}'],
        );
        assert.deepEqual(splitter.push(":3}\n"), ['{"c":3}']);
      }
    }
  });
});

describe("messages of a handle", () => {
  it("read as they were written", () => {
    for (const event of [
      { event: "created" },
      { event: "started" },
      { event: "exit", exitType: "GracefulExit" },
      { event: "exit", exitType: "UnexpectedExit", reason: "out of\nluck" },
    ] as const) {
      const [line = "", ...rest] = new LineSplitter().push(encodeLine(event));
      assert.deepEqual(rest, []);
      assert.deepEqual(parseHandleEvent(line), event);
    }
    assert.deepEqual(parseHandleRequest('{"op":"start"}'), { op: "start" });
  });

  for (const line of [
    "",
    "x",
    "null",
    "[]",
    "{}",
    '{"event":"stop"}',
    '{"event":"exit"}',
    '{"event":"exit","exitType":"Gone"}',
  ]) {
    it(`are not ${line}`, () => {
      assert.equal(parseHandleEvent(line), undefined);
      assert.equal(parseHandleRequest(line), undefined);
    });
  }
});
