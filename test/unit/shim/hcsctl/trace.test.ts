import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatLine, type TraceLine } from "../../../../hcs/trace/format.ts";
import { trace } from "../../../../shim/hcsctl/trace.ts";
import { runCommand } from "./run-command.ts";

const LINES: readonly TraceLine[] = [
  {
    ms: 0,
    kind: "call",
    call: 1,
    on: "systems-1",
    method: "create",
    args: ["pod@vm", { Owner: "x".repeat(80) }],
  },
  {
    ms: 12.5,
    kind: "answer",
    call: 1,
    handle: { handle: "system-2", is: "computeSystem", values: {}, parts: {}, streams: {}, lacks: [] },
  },
  { ms: 13, kind: "call", call: 2, on: "system-2", method: "modify", args: [{}] },
  { ms: 14, kind: "answer", call: 2, error: { hresult: 0x8037_0105, operation: "modify" } },
  { ms: 15, kind: "call", call: 3, on: "system-2", method: "start", args: [] },
  { ms: 16, kind: "abort", call: 3 },
  { ms: 17, kind: "data", stream: "stream-1", from: "host", text: "hello" },
  { ms: 18, kind: "settled", on: "system-2", name: "exited", value: { status: 0 } },
  { ms: 19, kind: "call", call: 4, on: "system-2", method: "close", args: [] },
];

describe("hcsctl trace", () => {
  let directory: string;
  let path: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "trace-"));
    path = join(directory, "pod.jsonl");
    writeFileSync(path, [{ trace: 1, recorded: "" } as const, ...LINES].map(formatLine).join(""));
  });
  after(() => rmSync(directory, { recursive: true }));

  it("shows calls with how they ended, and what the platform said", async () => {
    const { output } = await runCommand(trace, [path]);
    assert.deepEqual(
      output
        .trimEnd()
        .split("\n")
        .map((line) => line.trim().replaceAll(/ {2,}/g, " | ")),
      [
        "AT MS | WHAT | ARGUMENTS | MS | OUTCOME",
        `0.0 | systems-1.create | "pod@vm" {"Owner":"${"x".repeat(40)}… | 12.5 | system-2`,
        "13.0 | system-2.modify | {} | 1.0 | 0x80370105 (HCS_E_INVALID_STATE): the compute system is in the wrong state for the operation",
        "15.0 | system-2.start | 1.0 | given up by the shim",
        '18.0 | system-2.exited | {"status":0}',
        "19.0 | system-2.close | never answered",
      ],
    );
  });

  it("shows streams and whole arguments when asked", async () => {
    const { output } = await runCommand(trace, [path], { streams: true, wide: true });
    assert.match(output, /stream-1 → +"hello"/);
    assert.ok(output.includes("x".repeat(80)));
  });

  it("prints the recording for programs", async () => {
    const { output } = await runCommand(trace, [path], { json: true });
    assert.deepEqual(JSON.parse(output), LINES);
  });

  it("says what is wrong with a file that is no recording", async () => {
    writeFileSync(join(directory, "other"), "hello\n");
    await assert.rejects(runCommand(trace, [join(directory, "other")]), /line 1: it is no JSON/);
  });
});
