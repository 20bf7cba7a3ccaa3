import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { findSystem } from "../../hcs/emulator/systems/reclaim.ts";
import { Diag } from "../../protos/gen/diag.ts";
import { ShimDiag } from "../../protos/gen/shim-diag.ts";
import { diagExecTo } from "../../shim/hcsctl/diag-exec.ts";
import { Code } from "../../shim/ttrpc/index.ts";
import { emulatorObstacle } from "../contract/emulator-under-test.ts";
import { PodLife } from "../support/pod-life.ts";
import { POD, SIBLING } from "../support/pod-scenario.ts";
import { makeShortDirectory } from "../support/temp-directory.ts";
import { runCommand } from "../unit/shim/hcsctl/run-command.ts";
import { until } from "../support/until.ts";

describe("diagnosis of a pod", function () {
  this.timeout(60_000);
  let life: PodLife;
  let crashes: Server;
  const told: string[] = [];
  /** Of sockets, whose paths have to be short. */
  let directory: string;
  /** How many events had been published when the crash was told. */
  let eventsBefore = 0;

  before(function () {
    const obstacle = emulatorObstacle();
    if (obstacle === undefined) return;
    console.log(`      skipped: ${obstacle}`);
    this.skip();
  });

  beforeEach(async () => {
    told.length = 0;
    directory = await makeShortDirectory("diag-");
    const path = join(directory, "crashes");
    crashes = createServer((socket) =>
      socket.on("data", (chunk: Buffer) => {
        told.push(chunk.toString());
        eventsBefore = life.shim.events.filter(({ name }) => name === "TaskExit").length;
      }),
    );
    await new Promise<void>((resolve) => crashes.listen(path, resolve));
    life = await PodLife.create(() => (step, work) => work(step.signal), {
      "notify.vm_crashed": path,
      "vm.console_log": "true",
    });
  });

  afterEach(async () => {
    for (const id of [SIBLING, POD]) await life.scenario.end(id);
    crashes.close();
    await life.end();
    rmSync(directory, { recursive: true, force: true });
  });

  async function runningPod(): Promise<void> {
    assert.ok(await life.scenario.startSandbox(), life.scenario.refused().join("\n"));
    assert.ok(await life.scenario.create(SIBLING));
    await life.scenario.start(SIBLING);
  }

  const execInVm = (...args: string[]): Promise<{ exitCode: number }> => {
    const stdout = `file://${join(life.under.directory, "out")}`;
    return life.shim.client.call(ShimDiag, "DiagExecInHost", { args, stdout });
  };
  const output = (): string => readFileSync(join(life.under.directory, "out"), "utf8");

  it("knows nothing of a pod that was not created", async () => {
    await assert.rejects(life.shim.client.call(ShimDiag, "DiagTasks", {}), { code: Code.NotFound });
    await assert.rejects(execInVm("true"), { code: Code.NotFound });
  });

  it("runs programs in the VM, with their output, and tells how they fail", async () => {
    await runningPod();
    assert.equal((await execInVm("sh", "-c", "echo here; pwd")).exitCode, 0);
    assert.equal(output(), "here\n/\n");
    await assert.rejects(execInVm("sh", "-c", "exit 7"), { code: Code.Unknown, message: /it ended with 7/ });
    await assert.rejects(execInVm(), { code: Code.Unknown, message: /args is empty/ });
    const both = { args: ["true"], terminal: true, stderr: "/x" };
    await assert.rejects(life.shim.client.call(ShimDiag, "DiagExecInHost", both), {
      code: Code.FailedPrecondition,
    });
  });

  it("runs programs in the VM for hcsctl, with their output", async () => {
    await runningPod();
    await life.shim.listen(join(directory, "shim"));
    writeFileSync(join(directory, "address"), `unix://${join(directory, "shim")}`);
    const run = async (script: string, flags: Record<string, string | boolean>, input = "") => {
      const said = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
      said.stdin.end(input);
      const args = [POD, "sh", "-c", script];
      await runCommand(diagExecTo(said), args, { bundle: directory, ...flags });
      return [said.stdout, said.stderr].map((stream) => String(stream.read() ?? ""));
    };
    assert.deepEqual(await run("pwd; echo oops >&2", { cwd: "/tmp" }), ["/tmp\n", "oops\n"]);
    await assert.rejects(run("exit 3", {}), /it ended with 3/);
    assert.deepEqual(await run("cat; echo over", { stdin: true }, "some input\n"), [
      "some input\nover\n",
      "",
    ]);
    assert.deepEqual(await run("cat; echo over", { stdin: true }), ["over\n", ""]);
    const large = "0123456789abcde\n".repeat(2 ** 14);
    assert.deepEqual(await run("wc -c", { stdin: true }, large), [`${large.length}\n`, ""]);
    const [screen = ""] = await run('tty; read line; echo "got $line"', { tty: true }, "word\n");
    // What is typed may be shown before the program says its first word.
    assert.match(screen, /\/dev\/pts\/\d+\r\n/);
    assert.match(screen, /word\r\n(.*\r\n)?got word\r\n$/);
  });

  it("lists tasks, the sandbox first, and execs when asked", async () => {
    await runningPod();
    const { tasks } = await life.shim.client.call(ShimDiag, "DiagTasks", { execs: true });
    assert.deepEqual(
      tasks.map(({ id, execs }) => [id, execs.length]),
      [
        [POD, 0],
        [SIBLING, 0],
      ],
    );
  });

  it("tells stacks of shim and guest, and its pid", async () => {
    await runningPod();
    const { stacks } = await life.shim.client.call(ShimDiag, "DiagStacks", {});
    assert.match(stacks, /waits for:/);
    assert.equal((await life.shim.client.call(ShimDiag, "DiagPid", {})).pid, process.pid);
  });

  it("keeps what the VM's console says, in the bundle and for diagnosis", async () => {
    await runningPod();
    const file = join(life.under.directory, "bundles", POD, "console.log");
    await until("the console's log", () =>
      readFileSync(file, "utf8").includes("kernel of the emulator's host"),
    );
    const { json } = await life.shim.client.call(Diag, "Report", {});
    assert.match(json, /"console: Linux [^"]*the kernel of the emulator's host/);
  });

  it("shares a directory with the VM", async () => {
    await runningPod();
    const hostPath = join(life.under.directory, "shared");
    mkdirSync(hostPath);
    writeFileSync(join(hostPath, "word"), "mellon\n");
    const share = { hostPath, uvmPath: "/run/shared", readOnly: true };
    await life.shim.client.call(ShimDiag, "DiagShare", share);
    await execInVm("cat", "/run/shared/word");
    assert.equal(output(), "mellon\n");
    const missing = { ...share, hostPath: "/nowhere" };
    await assert.rejects(life.shim.client.call(ShimDiag, "DiagShare", missing), /must exist on the host/);
  });

  it("tells a listener of a crashed VM before the exits are published", async () => {
    await runningPod();
    process.kill(findSystem(life.under.stateDirectory, `${POD}@vm`)!.worker.pid, "SIGKILL");
    await until("both exits", () => life.shim.events.filter(({ name }) => name === "TaskExit").length === 2);
    assert.equal(told.length, 1);
    assert.equal(eventsBefore, 0);
    const { pod, vm, tasks, log } = JSON.parse(told.join("")) as Record<"pod" | "vm", string> &
      Record<"tasks" | "log", string[]>;
    assert.deepEqual([pod, vm, tasks], [POD, `${POD}@vm`, [POD, SIBLING]]);
    assert.ok(Array.isArray(log));
  });
});
