import assert from "node:assert/strict";
import { PassThrough, Writable } from "node:stream";
import { GuestLog, logLevelOf } from "../../../../../hcs/emulator/guest/log.ts";

function linesOf(stream: PassThrough): Record<string, unknown>[] {
  const text = (stream.read() as Buffer | null)?.toString() ?? "";
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("GuestLog", () => {
  it("writes lines of JSON from its level on", () => {
    const file = new PassThrough();
    const log = new GuestLog("info", file);
    log.debug("unseen");
    log.info("seen", { container: "c", missing: undefined });
    log.warning("w");
    log.error("e");
    const lines = linesOf(file);
    assert.deepEqual(
      lines.map(({ level, msg }) => [level, msg]),
      [
        ["info", "seen"],
        ["warning", "w"],
        ["error", "e"],
      ],
    );
    assert.equal(lines[0]?.["container"], "c");
    assert.match(String(lines[0]?.["time"]), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it("uses a stream while it lasts, and tells of its failure", () => {
    const file = new PassThrough();
    const stream = new PassThrough();
    const log = new GuestLog("info", file);
    log.attach(stream);
    log.info("to the host");
    assert.deepEqual(
      linesOf(stream).map(({ msg }) => msg),
      ["to the host"],
    );
    stream.emit("error", new Error("EPIPE"));
    log.info("to the file");
    assert.deepEqual(
      linesOf(file).map(({ msg }) => msg),
      ["log connection broke", "to the file"],
    );
    const next = new PassThrough();
    log.attach(next);
    next.emit("close");
    log.info("closed");
    assert.deepEqual(
      linesOf(file).map(({ msg }) => msg),
      ["closed"],
    );
  });

  it("drops lines that nobody reads, and counts them", () => {
    const chunks: string[] = [];
    const pending: (() => void)[] = [];
    const stuck = new Writable({
      decodeStrings: false,
      write: (chunk: string, _, done) => {
        chunks.push(chunk);
        pending.push(done);
      },
    });
    const log = new GuestLog("info", stuck);
    const text = "x".repeat(100_000);
    for (let index = 0; index < 20; index += 1) log.info(text);
    assert.ok(stuck.writableLength < 1.3 * 1024 * 1024);
    const queued = Math.round(stuck.writableLength / 100_000);
    while (pending.length > 0) pending.shift()?.();
    setImmediate(() => undefined);
    log.info("after");
    const dropped = 20 - queued;
    assert.ok(dropped > 0);
    while (pending.length > 0) pending.shift()?.();
    assert.ok(
      chunks.some((chunk) => chunk.includes(`"droppedLines":${dropped}`)),
      String(dropped),
    );
  });
});

describe("logLevelOf", () => {
  for (const [commandLine, level] of [
    [undefined, "info"],
    ["console=ttyS0 -- /bin/gcs -v4 -log-format json -loglevel debug", "debug"],
    ["-loglevel=error", "error"],
    ["-loglevel warn -x", "warning"],
    ["-loglevel shout", "info"],
    ["my-loglevel debug", "info"],
  ] as const) {
    it(`is ${level} for ${JSON.stringify(commandLine)}`, () => {
      assert.equal(logLevelOf(commandLine), level);
    });
  }
});
