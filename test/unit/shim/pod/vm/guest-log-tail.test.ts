import assert from "node:assert/strict";
import { GuestLogTail } from "../../../../../shim/pod/vm/guest-log-tail.ts";

describe("GuestLogTail", () => {
  it("keeps lines with their fields, and what the guest said as it ended", () => {
    const tail = new GuestLogTail();
    tail.add({ level: "warning", message: "kmsg read", time: "t", fields: { entry: "oom-kill", seq: 7 } });
    tail.addLastWords("panic: oh\n\ngoroutine 1\n");
    assert.deepEqual(tail.lines(), [
      { level: "warning", text: "kmsg read entry=oom-kill seq=7", time: "t" },
      { level: "error", text: "panic: oh" },
      { level: "error", text: "goroutine 1" },
    ]);
  });

  it("is bounded in lines and in their length, whatever a guest says", () => {
    const tail = new GuestLogTail();
    for (let line = 0; line < 1000; line++)
      tail.add({ level: "info", message: `${line} ${"x".repeat(5000)}`, fields: {} });
    const lines = tail.lines();
    assert.equal(lines.length, 200);
    assert.ok(lines[0]?.text.startsWith("800 "));
    assert.ok(lines.every(({ text }) => text.length === 2000));
  });
});
