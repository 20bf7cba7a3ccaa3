import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileSink, openTraceFile, TRACE_FAILURES, type TraceFailure } from "../../../../hcs/trace/file.ts";

const HEADER = { trace: 1, recorded: "2025-01-02T03:04:05.000Z" } as const;

describe("openTraceFile", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "trace-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("writes lines at once, for its owner alone", () => {
    const path = join(directory, "sub/pod.jsonl");
    const file = openTraceFile(path);
    file.write(HEADER);
    assert.equal(readFileSync(path, "utf8"), `${JSON.stringify(HEADER)}\n`);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    file.close();
    file.close();
    file.write(HEADER);
    assert.equal(readFileSync(path, "utf8").split("\n").length, 2);
  });

  it("leaves a file alone that is there", () => {
    const path = join(directory, "pod.jsonl");
    openTraceFile(path).close();
    assert.throws(() => openTraceFile(path), { code: "EEXIST" });
  });

  it("ends the recording when it cannot write, telling so once", function () {
    if (process.platform !== "linux") this.skip();
    const told: unknown[] = [];
    const listen = (message: unknown): void => void told.push(message);
    subscribe(TRACE_FAILURES, listen);
    const file = fileSink(openSync("/dev/full", "w"), "/full/pod.jsonl");
    file.write(HEADER);
    file.write(HEADER);
    unsubscribe(TRACE_FAILURES, listen);
    assert.equal(told.length, 1);
    const [{ path, error }] = told as [TraceFailure];
    assert.deepEqual([path, (error as NodeJS.ErrnoException).code], ["/full/pod.jsonl", "ENOSPC"]);
  });
});
