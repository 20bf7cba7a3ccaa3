import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { GuestLogDecoder, readGuestLog, type GuestLogRecord } from "../../../../hcs/guest/log-channel.ts";
import { collectDiagnostics, isBackgroundFailure } from "./diagnostics.ts";

interface Decoded {
  readonly records: readonly GuestLogRecord[];
  /** What was handed on as text, one entry per call. */
  readonly texts: readonly string[];
}

function decode(...chunks: (string | Buffer)[]): Decoded {
  const records: GuestLogRecord[] = [];
  const texts: string[] = [];
  const decoder = new GuestLogDecoder({
    onRecord: (record) => records.push(record),
    onTerminated: (text) => texts.push(text),
  });
  for (const chunk of chunks) decoder.push(Buffer.from(chunk));
  decoder.end();
  return { records, texts };
}

describe("GuestLogDecoder", () => {
  const lines: readonly (readonly [name: string, line: string, record: GuestLogRecord])[] = [
    [
      "a line of the agent",
      '{"level":"info","msg":"started","time":"2026-11-22T06:29:12.123456789Z","pid":7}',
      { level: "info", message: "started", time: "2026-11-22T06:29:12.123456789Z", fields: { pid: 7 } },
    ],
    ["a line without level", '{"msg":"m"}', { level: "info", message: "m", fields: {} }],
    ["a fatal line", '{"level":"fatal","msg":"m"}', { level: "error", message: "m", fields: {} }],
    ["a panic", '{"level":"panic","msg":"m"}', { level: "error", message: "m", fields: {} }],
    ["a warning", '{"level":"warning","msg":"m"}', { level: "warning", message: "m", fields: {} }],
    [
      "an unknown level",
      '{"level":"loud","msg":"m"}',
      { level: "info", message: "m", fields: { level: "loud" } },
    ],
    [
      "an event trace",
      '{"Source":"ETW","Message":"from a provider"}',
      { level: "info", message: "from a provider", fields: { Source: "ETW", Message: "from a provider" } },
    ],
    [
      "a message that belongs to no event trace",
      '{"Source":"x","message":"m"}',
      { level: "info", message: "", fields: { Source: "x", message: "m" } },
    ],
    [
      "an integer of 64 bits",
      '{"msg":"m","limit":9223372036854771712,"ratio":2.0}',
      { level: "info", message: "m", fields: { limit: 9223372036854771712n, ratio: 2 } },
    ],
    [
      "braces and quotes inside texts",
      String.raw`{"msg":"} \" { \\","nested":{"a":{"b":"}"}}}`,
      { level: "info", message: '} " { \\', fields: { nested: { a: { b: "}" } } } },
    ],
    ["a time that is no text", '{"msg":"m","time":5}', { level: "info", message: "m", fields: {} }],
  ];
  for (const [name, line, record] of lines) {
    it(`reads ${name}`, () => assert.deepEqual(decode(`${line}\n`), { records: [record], texts: [] }));
  }

  it("needs nothing between the objects", () => {
    const { records, texts } = decode('{"msg":"a"}{"msg":"b"}\r\n\t {"msg":"c"}');
    assert.deepEqual(
      records.map(({ message }) => message),
      ["a", "b", "c"],
    );
    assert.deepEqual(texts, []);
  });

  it("joins characters that were split", () => {
    const bytes = Buffer.from('{"msg":"grüße"}');
    const { records } = decode(bytes.subarray(0, 10), bytes.subarray(10, 11), bytes.subarray(11));
    assert.equal(records[0]?.message, "grüße");
  });

  it("hands a panic's dump on as one text, whatever it looks like", () => {
    const dump = 'panic: send on closed channel\n\ngoroutine 7 [running]:\n{"msg":"not a line any more"}\n';
    const { records, texts } = decode('{"msg":"last words"}\n', dump.slice(0, 20), dump.slice(20));
    assert.deepEqual(
      records.map(({ message }) => message),
      ["last words"],
    );
    assert.deepEqual(texts, [dump.trimEnd()]);
  });

  it("takes an object that is none as the beginning of the text", () => {
    assert.deepEqual(decode('{"msg":"a"}{oops}', " and more"), {
      records: [{ level: "info", message: "a", fields: {} }],
      texts: ["{oops} and more"],
    });
  });

  it("takes an object that the stream's end cuts as text", () => {
    assert.deepEqual(decode('{"msg":"cut o').texts, ['{"msg":"cut o']);
  });

  it("has no text for a stream that ends between lines", () => {
    assert.deepEqual(decode('{"msg":"a"}\n\n', "  ").texts, []);
    assert.deepEqual(decode().texts, []);
  });

  it("keeps the beginning of a long text and counts the rest", () => {
    const [text] = decode("x".repeat(60 * 1024), "y".repeat(10 * 1024)).texts;
    assert.equal(text, `${"x".repeat(60 * 1024)}${"y".repeat(4 * 1024)} … (6144 more bytes)`);
  });

  it("does not collect an object without end", () => {
    const piece = "x".repeat(64 * 1024);
    const { records, texts } = decode('{"msg":"', ...Array.from({ length: 40 }, () => piece));
    assert.deepEqual(records, []);
    assert.equal(texts[0]?.length, 64 * 1024 + ` … (${8 + 40 * 65536 - 65536} more bytes)`.length);
  });
});

describe("readGuestLog", () => {
  function read(stream: PassThrough): { done: Promise<void>; messages: string[]; texts: string[] } {
    const messages: string[] = [];
    const texts: string[] = [];
    const done = readGuestLog(stream, {
      guest: "vm",
      onRecord: ({ message }) => messages.push(message),
      onTerminated: (text) => texts.push(text),
    });
    return { done, messages, texts };
  }

  it("resolves at the end of the stream, after everything was handed on", async () => {
    const stream = new PassThrough();
    const { done, messages, texts } = read(stream);
    stream.write('{"msg":"a"}');
    stream.end('{"msg":"b"}fatal error');
    await done;
    assert.deepEqual([messages, texts], [["a", "b"], ["fatal error"]]);
  });

  for (const code of ["ECONNRESET", "ECONNABORTED"]) {
    it(`takes ${code} as the end, which is how a VM's end looks`, async () => {
      using diagnostics = collectDiagnostics();
      const stream = new PassThrough();
      const { done } = read(stream);
      stream.destroy(Object.assign(new Error(code), { code }));
      await done;
      assert.deepEqual(diagnostics.seen, []);
    });
  }

  it("resolves on any other error too, and reports it", async () => {
    using diagnostics = collectDiagnostics();
    const stream = new PassThrough();
    const { done } = read(stream);
    const error = new Error("read EIO");
    stream.destroy(error);
    await done;
    assert.equal((await diagnostics.next(isBackgroundFailure)).error, error);
  });
});
