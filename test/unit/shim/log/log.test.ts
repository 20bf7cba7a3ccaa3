import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fifoDestination } from "../../../../shim/log/destination.ts";
import { formatRecord } from "../../../../shim/log/format.ts";
import { Logger, type LogRecord } from "../../../../shim/log/logger.ts";
import { winstonSink } from "../../../../shim/log/winston-sink.ts";

const AT = Date.UTC(2025, 0, 2, 3, 4, 5, 678);

describe("formatRecord", () => {
  const record: LogRecord = {
    at: AT,
    level: "warn",
    message: 'it "happened"',
    fields: { task: "web", path: "/a b", big: 9n, ms: 1.5, absent: undefined },
  };

  it("writes logfmt in containerd's words", () => {
    assert.equal(
      formatRecord(record, "logfmt"),
      'time="2025-01-02T03:04:05.678Z" level=warning msg="it \\"happened\\"" task=web path="/a b" big=9 ms=1.5\n',
    );
  });

  it("writes JSON", () => {
    assert.deepEqual(JSON.parse(formatRecord(record, "json")), {
      time: "2025-01-02T03:04:05.678Z",
      level: "warning",
      msg: 'it "happened"',
      task: "web",
      path: "/a b",
      big: "9",
      ms: 1.5,
    });
  });

  it("keeps a value with a line feed on one line", () => {
    const line = formatRecord({ ...record, fields: { error: "a\nb" } }, "logfmt");
    assert.equal(line.split("\n").length, 2);
  });
});

describe("Logger", () => {
  it("drops what is less severe than its level", () => {
    const logger = new Logger("warn", () => AT);
    const seen: string[] = [];
    logger.attach(({ message }) => seen.push(message));
    logger.info("quiet");
    logger.warn("loud");
    assert.deepEqual(seen, ["loud"]);
  });

  it("keeps records until somebody takes them, in order, the newest thousand", () => {
    const logger = new Logger("info", () => AT);
    for (let index = 0; index < 1200; index++) logger.info(String(index));
    const seen: string[] = [];
    logger.attach(({ message }) => seen.push(message));
    logger.info("after");
    assert.deepEqual([seen.length, seen[0], seen.at(-1)], [1001, "200", "after"]);
  });
});

describe("winstonSink", () => {
  it("hands formatted lines to the destination", () => {
    const lines: string[] = [];
    const logger = new Logger("debug", () => AT);
    logger.attach(winstonSink({ write: (line) => void lines.push(line), close: () => undefined }, "logfmt"));
    logger.debug("hello", { n: 1 });
    assert.deepEqual(lines, ['time="2025-01-02T03:04:05.678Z" level=debug msg="hello" n=1\n']);
  });
});

describe("fifoDestination", () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "log-"));
    path = join(directory, "log");
    assert.equal(spawnSync("mkfifo", [path]).status, 0);
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const read = (descriptor: number): string => {
    const buffer = Buffer.alloc(1 << 20);
    return buffer.subarray(0, readSync(descriptor, buffer)).toString();
  };

  it("drops lines while nobody reads and says how many when somebody does again", () => {
    const destination = fifoDestination(path);
    destination.write("one\n");
    destination.write("two\n");
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    destination.write("three\n");
    assert.equal(read(reader), 'level=warning msg="log lines were dropped" count=2\nthree\n');
    closeSync(reader);
    destination.write("four\n");
    const again = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    destination.write("five\n");
    assert.equal(read(again), 'level=warning msg="log lines were dropped" count=1\nfive\n');
    closeSync(again);
    destination.close();
  });

  it("never waits for a reader that does not keep up", () => {
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const destination = fifoDestination(path);
    const line = `${"x".repeat(4000)}\n`;
    for (let index = 0; index < 100; index++) destination.write(line);
    read(reader);
    destination.write("last\n");
    assert.match(read(reader), /count=\d+\nlast\n$/);
    closeSync(reader);
    destination.close();
  });
});
