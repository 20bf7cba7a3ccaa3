/** What a caller makes of an agent that lies: untrusted code runs beside it. */
import assert from "node:assert/strict";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { ExecServerFrame, OutputFile } from "../../../../protos/gen/agent.ts";
import { execJob } from "../../../../shim/agent/host/exec.ts";
import { GrpcConnection } from "../../../../shim/agent/host/grpc-stream.ts";
import { AgentError } from "../../../../shim/agent/protocol/errors.ts";
import { makeScratchDirectory } from "../../../support/temp-directory.ts";

const OK = { "grpc-status": "0" };
const RESULT = ExecServerFrame.encode({
  result: { exitCode: 0, cause: 0, signal: 0, stdioTruncated: false },
});

function output(init: Partial<OutputFile>): Uint8Array {
  return ExecServerFrame.encode({ output: OutputFile.create(init) });
}

function stdio(bytes: Uint8Array): Uint8Array {
  return ExecServerFrame.encode({ stdio: { stream: 0, bytes } });
}

function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

describe("execJob with a hostile agent", () => {
  let directory: string;
  let target: string;
  let session: ServerHttp2Session | undefined;

  beforeEach(async () => {
    directory = await makeScratchDirectory("caller-");
    target = join(directory, "out");
    (await import("node:fs")).mkdirSync(target);
    writeFileSync(join(directory, "precious"), "untouched");
  });

  /** Runs a job against what `answer` makes of its stream. */
  async function against(answer: (stream: ServerHttp2Stream) => void): Promise<unknown> {
    const server = createServer();
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers(OK));
      answer(stream);
    });
    server.on("session", (opened: ServerHttp2Session) => (session = opened));
    const [near, far] = duplexPair();
    server.emit("connection", far);
    const connection = new GrpcConnection(near, 4 << 20);
    try {
      return await execJob(
        connection,
        { execId: "job", argv: ["true"] },
        { output: target },
        {},
        AbortSignal.timeout(20_000),
      );
    } finally {
      connection.close();
      session?.destroy();
    }
  }

  const say =
    (...messages: readonly Uint8Array[]) =>
    (stream: ServerHttp2Stream): void =>
      void stream.end(Buffer.concat(messages.map(framed)));

  const LIES: Readonly<Record<string, readonly [(stream: ServerHttp2Stream) => void, RegExp]>> = {
    "no result": [say(stdio(Buffer.from("x"))), /stream closed without result/],
    "an output before the result": [say(output({ path: "a", eof: true })), /unexpected frame: output/],
    "two results": [say(RESULT, RESULT), /unexpected frame: result after the result/],
    "output of the process after its result": [
      say(RESULT, stdio(Buffer.from("x"))),
      /unexpected frame: stdio/,
    ],
    "a path that leads out": [
      say(RESULT, output({ path: "../precious", eof: true })),
      /component \. or \.\./,
    ],
    "an absolute path": [say(RESULT, output({ path: "/tmp/x", eof: true })), /is absolute/],
    "a reserved name": [say(RESULT, output({ path: "NUL", eof: true })), /cannot use wire path/],
    "a file twice": [
      say(RESULT, output({ path: "a", eof: true }), output({ path: "a", eof: true })),
      /came twice/,
    ],
    "a file with another digest": [
      say(RESULT, output({ path: "a", chunk: Buffer.from("x"), eof: true, sha256: Buffer.alloc(32) })),
      /arrived damaged/,
    ],
    "a file of a size that no one has": [
      say(RESULT, output({ path: "a", size: 1n << 50n })),
      /too much: bytes of "a"/,
    ],
    "the state of a transfer that nobody asked for": [
      say(ExecServerFrame.encode({ state: { have: [], more: false } })),
      /unexpected frame/,
    ],
    "bytes that are no frame": [say(Buffer.from([0xff, 0xff])), /no frame/],
    "a compressed message": [(stream) => void stream.end(Buffer.from([1, 0, 0, 0, 0])), /compressed/],
    "a message longer than any": [
      (stream) => void stream.end(Buffer.from([0, 0xff, 0xff, 0xff, 0xff])),
      /at most 4194304 are accepted/,
    ],
    "half a message": [(stream) => void stream.end(Buffer.from([0, 0, 0, 0, 9, 1])), /within a message/],
  };
  for (const [name, [answer, why]] of Object.entries(LIES)) {
    it(`refuses ${name}, and keeps nothing`, async () => {
      await assert.rejects(against(answer), (error: unknown) => {
        assert.match((error as Error).message, why);
        return true;
      });
      assert.deepEqual(readdirSync(target), []);
      assert.deepEqual(readdirSync(directory).sort(), ["out", "precious"]);
    });
  }

  it("ends a stream of output without an end", async () => {
    const chunk = framed(stdio(Buffer.alloc(60_000)));
    await assert.rejects(
      against((stream) => {
        const more = (): void => {
          while (!stream.destroyed && stream.write(chunk));
          if (!stream.destroyed) stream.once("drain", more);
        };
        more();
      }),
      /too much: bytes of stdout may be at most 67108864/,
    );
  });

  it("does not follow a link that is in the way", async () => {
    symlinkSync(directory, join(target, "sub"));
    await assert.rejects(
      against(say(RESULT, output({ path: "sub/precious", chunk: Buffer.from("x"), eof: true }))),
      /link/,
    );
  });

  it("says that the connection broke, and may be tried elsewhere", async () => {
    await assert.rejects(
      against((stream) => stream.session?.destroy()),
      (error: unknown) =>
        error instanceof AgentError && error.status === "unavailable" && error.consequences.retryable,
    );
  });
});
