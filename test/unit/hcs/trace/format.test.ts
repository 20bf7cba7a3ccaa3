import assert from "node:assert/strict";
import { formatLine, parseRecording, type TraceLine } from "../../../../hcs/trace/format.ts";

const HEADER = formatLine({ trace: 1, recorded: "2025-01-02T03:04:05.000Z" });
const CALL: TraceLine = { ms: 1, kind: "call", call: 1, on: "files-1", method: "stat", args: ["/x"] };

describe("parseRecording", () => {
  it("reads what formatLine wrote, integers of 64 bits too", () => {
    const answer: TraceLine = { ms: 2, kind: "answer", call: 1, value: { size: 2n ** 60n } };
    assert.deepEqual(parseRecording(HEADER + formatLine(CALL) + formatLine(answer)), [CALL, answer]);
  });

  it("leaves out a last line without its end", () => {
    assert.deepEqual(parseRecording(`${HEADER}${formatLine(CALL)}{"ms":3,"ki`), [CALL]);
  });

  for (const [what, text, message] of [
    ["an empty file", "", /line 1: it is no JSON/],
    ["another version", '{"trace":2}\n', /line 1: trace must be 1 \(found 2\)/],
    ["a broken line", `${HEADER}{\n`, /line 2: it is no JSON/],
    ["a line that is no object", `${HEADER}7\n`, /line 2: it is no object/],
    ["an unknown kind", `${HEADER}{"kind":"toString"}\n`, /line 2: kind is none of .*\(found "toString"\)/],
    ["a missing member", `${HEADER}{"kind":"abort"}\n`, /line 2: call must be a number \(found undefined\)/],
  ] as const) {
    it(`refuses ${what}, naming the line`, () => assert.throws(() => parseRecording(text), { message }));
  }
});
