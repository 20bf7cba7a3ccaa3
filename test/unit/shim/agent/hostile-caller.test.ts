/** What an agent makes of callers that break the rules: a clear refusal, and nothing outside of the exec's own directories. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TransferDirection, type ExecHeader } from "../../../../protos/gen/agent.ts";
import { AgentInProcess, converse, header, input } from "../../../support/agent-in-process.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { LIMITS } from "../../../../shim/agent/protocol/limits.ts";
import { until } from "../../../support/until.ts";

const RUN: Partial<ExecHeader> = { execId: "job", argv: ["true"] };
const DATA = Buffer.from("data");

describe("an agent with a hostile caller", () => {
  let agent: AgentInProcess;

  beforeEach(async () => {
    agent = await AgentInProcess.create();
    writeFileSync(agent.path("precious"), "untouched");
  });
  afterEach(() => {
    assert.equal(readFileSync(agent.path("precious"), "utf8"), "untouched");
    assert.deepEqual(readdirSync(agent.path("staging/src")), [], "nothing is left of its execs");
    agent.close();
  });

  const REFUSED_PATHS: readonly (readonly [path: string, why: RegExp])[] = [
    ["../../precious", /component \. or \.\./],
    ["a/../../precious", /component \. or \.\./],
    ["/etc/passwd", /is absolute/],
    ["\\\\server\\share\\x", /backslash/],
    ["a\\..\\b", /backslash/],
    ["C:/x", /.*/],
    ["x:stream", /.*/],
    ["NUL", /.*/],
    ["com1.txt", /.*/],
    ["trailing.", /.*/],
    ["", /.*/],
    ["a//b", /empty component/],
    [`${"d/".repeat(70)}x`, /64 components/],
    ["a\0b", /.*/],
    ["caf\ufffd", /.*/],
  ];
  for (const [path, why] of REFUSED_PATHS) {
    it(`refuses the input path ${JSON.stringify(path.slice(0, 24))}`, async () => {
      await assert.rejects(
        converse(agent.stream(), [header(RUN), input({ path, chunk: DATA, eof: true })]),
        (error: { status: string; message: string }) => {
          assert.equal(error.status, "invalid argument");
          assert.match(error.message, why);
          return true;
        },
      );
      assert.deepEqual(agent.events, ["agent-path-refused"]);
    });
  }

  const REFUSED_IDS = ["", "..", "../x", "a/b", "con", "a".repeat(65), "a b", ".hidden"];
  for (const execId of REFUSED_IDS) {
    it(`refuses the exec id ${JSON.stringify(execId.slice(0, 20))}`, async () => {
      await assert.rejects(converse(agent.stream(), [header({ ...RUN, execId })]), {
        status: "invalid argument",
      });
    });
  }

  const DISORDERS: Readonly<Record<string, readonly Uint8Array[]>> = {
    "no header": [],
    "an input before the header": [input({ path: "a", eof: true })],
    "a second header": [header(RUN), header(RUN)],
    "an empty frame": [header(RUN), new Uint8Array()],
    "bytes that are no frame": [Buffer.from([0xff, 0xff, 0xff])],
    "a file that goes on after its end": [
      header(RUN),
      input({ path: "a", chunk: DATA, eof: true }),
      input({ path: "a", chunk: DATA }),
    ],
    "a file below another file": [
      header(RUN),
      input({ path: "a", chunk: DATA, eof: true }),
      input({ path: "a/b", chunk: DATA, eof: true }),
    ],
    "a file in the place of a directory": [
      header(RUN),
      input({ path: "a/b", chunk: DATA, eof: true }),
      input({ path: "a", chunk: DATA, eof: true }),
    ],
    "a file that begins in its middle": [header(RUN), input({ path: "a", chunk: DATA, offset: 9n })],
    "no program": [header({ ...RUN, argv: [] })],
    "an environment entry without a name": [header({ ...RUN, env: ["=x"] })],
    "a relative working directory": [header({ ...RUN, cwd: "x" })],
  };
  for (const [name, messages] of Object.entries(DISORDERS)) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(converse(agent.stream(), messages), (error: { status: string }) =>
        ["invalid argument", "internal"].includes(error.status),
      );
    });
  }

  const FLOODS: Readonly<Record<string, readonly Uint8Array[]>> = {
    "a chunk that is too long": [header(RUN), input({ path: "a", chunk: Buffer.alloc((1 << 20) + 1) })],
    "a message that is too long": [header(RUN), input({ path: "a", chunk: Buffer.alloc(5 << 20) })],
    "a command line that is too long": [header({ ...RUN, argv: Array.from({ length: 5000 }, () => "x") })],
    "an argument that is too long": [header({ ...RUN, argv: ["true", "x".repeat(200_000)] })],
    "an environment that is too long": [
      header({ ...RUN, env: Array.from({ length: 2000 }, (_, i) => `V${i}=x`) }),
    ],
    "a file that says it is larger than allowed": [header(RUN), input({ path: "a", size: 1n << 40n })],
  };
  for (const [name, messages] of Object.entries(FLOODS)) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(converse(agent.stream(), messages), { status: "resource exhausted" });
    });
  }

  it("waits for nobody who says nothing", async () => {
    const clock = new ManualClock();
    const patient = await AgentInProcess.create(clock);
    const [mute, halfway] = [patient.stream(), patient.stream()];
    await halfway.send(header(RUN));
    await halfway.send(input({ path: "begun", chunk: DATA }));
    await until("the file to be begun", () => readdirSync(patient.path("staging/src/job")).length === 1);
    // Both wait by then: one for its header, one for more.
    await until("two deadlines", () => clock.pending.length === 2);
    const ends = [mute, halfway].map(async (stream) => {
      for await (const _ of stream.messages());
    });
    for (const end of ends) end.catch(() => undefined);
    await clock.advance(LIMITS.headerMs);
    await assert.rejects(ends[0]!, {
      status: "deadline exceeded",
      message: /waiting for the header of an exec/,
    });
    assert.equal(patient.running, 1);
    await clock.advance(LIMITS.idleMs);
    await assert.rejects(ends[1]!, { status: "deadline exceeded", message: /waiting for input files/ });
    await until("everything to be over", () => patient.running === 0);
    assert.deepEqual(readdirSync(patient.path("staging/src")), []);
    patient.close();
  });

  it("refuses an exec id that is in use, and leaves its owner alone", async () => {
    const first = agent.stream();
    await first.send(header({ execId: "job", argv: ["cat", "kept"] }));
    await first.send(input({ path: "kept", chunk: DATA, eof: true }));
    await until("the first exec to be there", () => existsSync(agent.path("staging/src/job/kept")));
    await assert.rejects(converse(agent.stream(), [header(RUN)]), { status: "already exists" });
    const frames = await converse(first, []);
    assert.equal(Buffer.from(frames[0]?.stdio?.bytes ?? []).toString(), "data");
  });

  it("opens no more files at once than it may, however many are begun", async () => {
    const many = Array.from({ length: 300 }, (_, index) => `f${index}`);
    const frames = await converse(agent.stream(), [
      header({ execId: "job", argv: ["sh", "-c", "cat f* | wc -c"] }),
      ...many.map((path) => input({ path, chunk: Buffer.from("a") })),
      ...many.map((path) => input({ path, chunk: Buffer.from("b") })),
    ]);
    assert.equal(
      Buffer.from(frames[0]?.stdio?.bytes ?? [])
        .toString()
        .trim(),
      "600",
    );
  });

  it("does not follow a link in the place of a directory of a copy", async () => {
    const root = agent.makeDirectory("target");
    const outside = agent.makeDirectory("outside");
    symlinkSync(outside, join(root, "sub"));
    await assert.rejects(
      converse(agent.stream(), [
        header({
          execId: "copy",
          transfer: { direction: TransferDirection.PUT, root, resume: false, have: [] },
        }),
        input({ path: "sub/x", chunk: DATA, eof: true }),
      ]),
      /a part of it is a link or no directory/,
    );
    assert.deepEqual(readdirSync(outside), []);
  });

  it("replaces a link in the place of a file, and leaves what it led to", async () => {
    const root = agent.makeDirectory("target");
    symlinkSync(agent.path("precious"), join(root, "x"));
    await converse(agent.stream(), [
      header({
        execId: "copy",
        transfer: { direction: TransferDirection.PUT, root, resume: false, have: [] },
      }),
      input({ path: "x", chunk: DATA, eof: true }),
    ]);
    assert.equal(readFileSync(join(root, "x"), "utf8"), "data");
  });

  it("sends no links, devices or FIFOs of a job's output", async () => {
    const frames = await converse(agent.stream(), [
      header({
        execId: "job",
        argv: [
          "sh",
          "-c",
          `cd ${agent.path("staging/out/job")} && ln -s ${agent.path("precious")} link && mkfifo fifo && ln -s / root && echo ok > file`,
        ],
      }),
    ]);
    const paths = new Set(frames.flatMap(({ output }) => (output === undefined ? [] : [output.path])));
    assert.deepEqual([...paths], ["file"]);
  });

  it("refuses a file whose digest is not its sender's, and keeps nothing of it", async () => {
    const root = agent.makeDirectory("target");
    await assert.rejects(
      converse(agent.stream(), [
        header({
          execId: "copy",
          transfer: { direction: TransferDirection.PUT, root, resume: false, have: [] },
        }),
        input({ path: "x", chunk: DATA, eof: true, sha256: Buffer.alloc(32) }),
      ]),
      /arrived damaged/,
    );
    assert.deepEqual(readdirSync(root), []);
  });

  it("knows one method: others are unimplemented", async () => {
    for (const path of ["/hpcc.agent.v1.AgentService/Other", "/grpc.health.v1.Health/Check"])
      await assert.rejects(converse(agent.connection.open(path), []), { status: "unimplemented" });
  });

  it("ends everything a job has started when the caller goes", async () => {
    const stream = agent.stream();
    const mark = agent.path("alive");
    mkdirSync(mark);
    const script = `(trap '' TERM HUP; while :; do sleep 0.05; done) & echo $! > ${mark}/pid; echo up; wait`;
    await stream.send(header({ execId: "job", argv: ["sh", "-c", script] }));
    stream.end();
    for await (const _ of stream.messages()) break;
    stream.cancel();
    const pid = Number(readFileSync(join(mark, "pid"), "utf8"));
    await until("the job's child to be gone", () => !existsSync(`/proc/${pid}`));
    await until("the exec to be over", () => agent.running === 0);
  });

  it("ends a job in time, and says so", async () => {
    const frames = await converse(agent.stream(), [
      header({ execId: "job", argv: ["sleep", "1000"], timeoutMs: 50 }),
    ]);
    assert.deepEqual(frames.at(-1)?.result, { exitCode: -1, cause: 3, signal: 0, stdioTruncated: false });
  });

  it("discards output beyond what was asked for", async () => {
    const frames = await converse(agent.stream(), [
      header({ execId: "job", argv: ["sh", "-c", "yes | head -c 1000000"], maxStdioBytes: 1000n }),
    ]);
    const bytes = frames.reduce((sum, { stdio }) => sum + (stdio?.bytes.length ?? 0), 0);
    assert.equal(bytes, 1000);
    assert.equal(frames.at(-1)?.result?.stdioTruncated, true);
  });

  it("says that a program cannot be run, which is no exit code", async () => {
    await assert.rejects(converse(agent.stream(), [header({ ...RUN, argv: ["no-such-program"] })]), {
      status: "failed precondition",
      message: /cannot run "no-such-program": ENOENT/,
    });
  });

  it("reports the signal that a job ended by", async () => {
    const frames = await converse(agent.stream(), [header({ ...RUN, argv: ["sh", "-c", "kill -SEGV $$"] })]);
    assert.deepEqual(frames.at(-1)?.result, { exitCode: -1, cause: 1, signal: 11, stdioTruncated: false });
  });
});
