/** The agent's win32 build under Wine: jobs with their files, over a connection that stands in for a Hyper-V socket. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ExecResultCause } from "../../protos/gen/agent.ts";
import { AgentError } from "../../shim/agent/protocol/errors.ts";
import type { ExecRequest, ExecResult, IsolatedContainer } from "../../shim/agent/runtime/runtime.ts";
import { until } from "../support/until.ts";
import { AgentMachine } from "./support/agent-machine.ts";

describe("agent.exe", function () {
  this.timeout(120_000);
  let machine: AgentMachine;
  let container: IsolatedContainer;

  before(async () => {
    machine = await AgentMachine.boot();
    container = await machine.open();
  });
  after(async () => {
    await container?.stop();
    await machine?.[Symbol.asyncDispose]();
  });

  function directory(name: string, files: Readonly<Record<string, string | Uint8Array>> = {}): string {
    const path = join(machine.directory, name);
    mkdirSync(path, { recursive: true });
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), content);
    }
    return path;
  }

  async function exec(
    argv: readonly string[],
    request: Partial<ExecRequest> = {},
    signal?: AbortSignal,
  ): Promise<ExecResult & { readonly stdout: string; readonly stderr: string }> {
    const said = { stdout: "", stderr: "" };
    const result = await container.exec(
      { argv, onOutput: (stream, bytes) => void (said[stream] += Buffer.from(bytes).toString()), ...request },
      signal,
    );
    return { ...result, ...said };
  }

  it("runs a Windows command with input files, and gives its output files back", async () => {
    const output = directory("first-out");
    const result = await exec(
      [
        "cmd",
        "/c",
        "type in.txt & type inc\\deep.txt & copy in.txt /out/made/copy.txt > nul & echo odd 1>&2",
      ],
      { source: directory("first-in", { "in.txt": "sent\r\n", "inc/deep.txt": "deep\r\n" }), output },
    );
    assert.deepEqual(
      [result.exitCode, result.cause, result.stdout, result.stderr.trim()],
      [0, ExecResultCause.EXITED, "sent\r\ndeep\r\n", "odd"],
    );
    assert.deepEqual(
      result.outputs.map(({ path, bytes }) => [path, bytes]),
      [["made/copy.txt", 6]],
    );
    assert.equal(readFileSync(join(output, "made/copy.txt"), "utf8"), "sent\r\n");
    assert.deepEqual(machine.staged(), []);
  });

  it("tells how programs ended: crash codes of Windows are no signals", async () => {
    for (const code of [0, 3, 255, -1073741819]) {
      const { exitCode, cause, signal } = await exec(["cmd", "/c", `exit ${code}`]);
      assert.deepEqual([exitCode, cause, signal], [code, ExecResultCause.EXITED, 0]);
    }
  });

  it("gives programs the environment that was asked for, and what Windows programs cannot do without", async () => {
    const { stdout } = await exec(["cmd", "/c", "echo %MINE%,%SystemRoot%,%TZ%,%OS%"], {
      env: ["mine=ours", "TZ=CET"],
    });
    assert.equal(stdout.trim().toLowerCase(), "ours,c:\\windows,cet,%os%");
  });

  it("does what arguments say, whatever characters they have", async () => {
    const words = ["a b", 'quo"te', "tail\\", "", "%TZ%"];
    const { stdout } = await exec(["cmd", "/c", "echo", ...words]);
    assert.equal(stdout.trim(), '"a b" quo\\"te tail\\ "" UTC');
  });

  it("ends everything that a job has started with the job", async () => {
    await exec(["cmd", "/c", "start /b ping -n 1000 127.0.0.1"]);
    assert.deepEqual(machine.programs("ping"), []);
  });

  it("ends a job in time, and says so", async () => {
    const { exitCode, cause } = await exec(["ping", "-n", "1000", "127.0.0.1"], { timeoutMs: 500 });
    assert.deepEqual([exitCode, cause], [-1, ExecResultCause.KILLED_TIMEOUT]);
    assert.deepEqual(machine.programs("ping"), []);
  });

  it("ends a job whose caller gives up, with all it has started", async () => {
    const controller = new AbortController();
    const running = exec(
      ["cmd", "/c", "start /b ping -n 1000 127.0.0.1 & echo up & ping -n 1000 127.0.0.1"],
      { onOutput: () => controller.abort(new Error("enough")) },
      controller.signal,
    );
    await assert.rejects(running, /enough/);
    await until(
      "the job to end",
      () => machine.programs("ping").length === 0 && machine.staged().length === 0,
    );
  });

  it("works on several jobs at once", async () => {
    const said = await Promise.all(
      [1, 2, 3].map(async (job) => {
        const source = directory(`many-${job}`, { "me.txt": `job ${job}` });
        return (await exec(["cmd", "/c", "type me.txt"], { source })).stdout;
      }),
    );
    assert.deepEqual(said, ["job 1", "job 2", "job 3"]);
  });

  const UNFIT: readonly (readonly [what: string, request: ExecRequest, error: RegExp])[] = [
    ["a program that is not there", { argv: ["none.exe"] }, /cannot run "none.exe": ENOENT/],
    ["a program of a share", { argv: ["\\\\host\\share\\x.exe"] }, /it is on another machine/],
    ["a batch file", { argv: ["x.cmd"] }, /it is a script: run it by cmd \/c/],
    [
      "a working directory that is not there",
      { argv: ["cmd"], cwd: "C:\\none" },
      /"C:\\none" does not exist/,
    ],
    ["a share as working directory", { argv: ["cmd"], cwd: "\\\\host\\share" }, /cwd: cannot use host path/],
    ["a device as working directory", { argv: ["cmd"], cwd: "\\\\.\\pipe\\x" }, /cwd: cannot use host path/],
    ["a directory without a drive", { argv: ["cmd"], cwd: "\\windows" }, /cwd: cannot use host path/],
    [
      "a command line that is too long",
      { argv: ["cmd", "/c", "x".repeat(33_000)] },
      /characters when joined/,
    ],
  ];
  for (const [what, request, error] of UNFIT)
    it(`refuses ${what}`, async () => {
      await assert.rejects(container.exec(request), (failure: unknown) => {
        assert.ok(failure instanceof AgentError, String(failure));
        assert.match(failure.message, error);
        return true;
      });
      assert.deepEqual(machine.staged(), []);
    });

  for (const root of [
    "\\\\host\\share",
    "C:\\plain\\con",
    "C:\\a:stream",
    "C:\\dots.",
    "\\\\?\\GLOBALROOT\\x",
    "D",
  ])
    it(`copies nothing to ${root}`, async () => {
      const before = readdirSync(machine.locate());
      await assert.rejects(
        container.put(directory("nothing", { f: "x" }), root),
        /transfer\.root: cannot use/,
      );
      assert.deepEqual(readdirSync(machine.locate()), before);
    });

  it("refuses a short name that stands for nothing", () =>
    assert.rejects(exec(["cmd"], { cwd: "C:\\NOTHER~1" }), /cwd: cannot use host path.*short \(8\.3\) name/));

  it("copies files in and out as they are", async () => {
    const bytes = randomBytes(5 << 20);
    const source = directory("copy-in", { "big.bin": bytes, "d/empty": "", "d/ä.txt": "umlaut" });
    await container.put(source, "C:\\copied");
    assert.deepEqual(readdirSync(machine.locate("copied", "d")).sort(), ["empty", "ä.txt"]);
    const target = join(machine.directory, "copy-out");
    await container.get("C:\\copied", target);
    const digest = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");
    assert.equal(digest(readFileSync(join(target, "big.bin"))), digest(bytes));
    assert.equal(readFileSync(join(target, "d/ä.txt"), "utf8"), "umlaut");
    assert.equal(readFileSync(join(target, "d/empty"), "utf8"), "");
  });

  it("refuses input files that are one file to Windows", async () => {
    const twice = directory("case", { "Foo.h": "1", "foo.H": "2" });
    await assert.rejects(exec(["cmd", "/c", "exit"], { source: twice }), /foo\.H|Foo\.h/);
  });

  it("sends nothing that a link below a directory leads to", async () => {
    const outside = directory("outside", { secret: "x" });
    mkdirSync(machine.locate("tree"));
    writeFileSync(machine.locate("tree", "mine"), "y");
    symlinkSync(outside, machine.locate("tree", "link"));
    const target = join(machine.directory, "tree-out");
    await container.get("C:\\tree", target);
    assert.deepEqual(readdirSync(target), ["mine"]);
  });

  it("is gone for its callers when its machine is, and ends nothing half", async () => {
    const own = await AgentMachine.boot();
    try {
      const lost = await own.open();
      const output = directory("lost-out");
      const argv = ["cmd", "/c", "echo up & echo half > /out/half & ping -n 1000 127.0.0.1"];
      const job = lost.exec({ argv, output, onOutput: () => own.crash() });
      await assert.rejects(job, AgentError);
      const notice = await lost.died;
      assert.equal(notice.planned, false);
      await assert.rejects(lost.exec({ argv: ["cmd"] }), /container "machine" is gone/);
      assert.ok(existsSync(output));
      assert.deepEqual(readdirSync(output), []);
      await until("its jobs to end", () => own.programs("ping").length === 0);
    } finally {
      await own[Symbol.asyncDispose]();
    }
  });
});
