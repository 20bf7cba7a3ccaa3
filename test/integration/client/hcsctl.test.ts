import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../support/command.ts";
import { eachEngine } from "../../support/each-engine.ts";
import { RUNHCS } from "../../support/runtime.ts";

eachEngine("hcsctl with containers", (engine) => {
  async function hcsctl(
    ...args: readonly string[]
  ): Promise<{ code: number | undefined; stdout: string; stderr: string }> {
    const [verb = "", ...rest] = args;
    const { code, stdout, stderr } = await runCommand(
      join(RUNHCS.folder ?? "", "hcsctl"),
      [verb, ...engine().flags, ...rest],
      { env: { ...process.env, RUNHCS_CONFIG: engine().nodeFile, NODE_OPTIONS: "", NODE_V8_COVERAGE: "" } },
    );
    return { code, stdout: stdout.toString(), stderr };
  }

  it("runs a program of an archive and exits with its code", async () => {
    const { code, stdout, stderr } = await hcsctl(
      "run",
      "--rm",
      "--image",
      engine().archive,
      "--",
      "sh",
      "-c",
      "echo hi; echo err >&2; exit 3",
    );
    assert.deepEqual([code, stdout, stderr], [3, "hi\n", "err\n"]);
  });

  it("leaves a container running, lists and shows containers, and their output", async () => {
    const run = await hcsctl(
      "run",
      "-d",
      "--name",
      "kept",
      "--image",
      "localhost/busybox:test",
      "--",
      "sh",
      "-c",
      "echo said; sleep 1000",
    );
    assert.equal(run.stdout, "kept\n", run.stderr);
    const listed = JSON.parse((await hcsctl("ps", "--json")).stdout) as {
      id: string;
      status: string;
      os: string;
    }[];
    assert.deepEqual(
      listed.filter(({ id }) => id === "kept").map(({ status, os }) => [status, os]),
      [["running", "linux"]],
    );
    const shown = JSON.parse((await hcsctl("inspect", "kept")).stdout) as { spec: { ociVersion: string } };
    assert.equal(shown.spec.ociVersion, "1.0.2");
    assert.equal((await hcsctl("logs", "kept")).stdout, "said\n");
    assert.match((await hcsctl("top", "kept")).stdout, /sleep 1000/);
  });

  it("runs further programs from another process", async () => {
    const { code, stdout } = await hcsctl(
      "exec",
      "kept",
      "--env",
      "A=b",
      "--",
      "sh",
      "-c",
      "echo $A; exit 4",
    );
    assert.deepEqual([code, stdout], [4, "b\n"]);
    assert.equal((await hcsctl("exec", "kept", "--", "/no/such")).code, 127);
    assert.equal((await hcsctl("exec", "nobody", "--", "true")).code, 125);
  });

  it("copies files in and out", async () => {
    const file = join(engine().directory, "hosted");
    writeFileSync(file, "hosted");
    assert.equal((await hcsctl("cp", file, "kept:/tmp/")).code, 0);
    assert.equal((await hcsctl("cp", "kept:/tmp/hosted", `${file}.back`)).code, 0);
    assert.equal(readFileSync(`${file}.back`, "utf8"), "hosted");
    assert.match((await hcsctl("cp", "kept:/no/such", file)).stderr, /no such file/i);
  });

  it("stops, starts again, kills and removes", async () => {
    assert.equal((await hcsctl("stop", "kept", "--time", "0")).code, 0);
    assert.match((await hcsctl("ps", "--all")).stdout, /kept.*exited \(137\)/);
    assert.equal((await hcsctl("start", "kept")).code, 0);
    assert.match((await hcsctl("rm", "kept")).stderr, /it is running; stop it first/);
    assert.equal((await hcsctl("kill", "kept")).code, 0);
    assert.equal((await hcsctl("rm", "--force", "kept")).code, 0);
    assert.equal((await hcsctl("ps", "--all")).stdout, "no containers\n");
  });

  it("tells a mistake in the command line from a failure", async () => {
    const cases: [args: string[], code: number, said: RegExp][] = [
      [["run", "--cpus", "many", "--image", "x"], 2, /invalid --cpus: must be a number/],
      [["run", "--ip", "10.0.0.2", "--image", "x"], 2, /needs a network/],
      [["run", "--image", "localhost/none"], 125, /there is no image "localhost\/none"/],
      [["run", "--image", "localhost/busybox:test", "--layers", "/"], 125, /either image or layers/],
      [["run", "--image", "localhost/busybox:test", "--policy", "minimum"], 125, /did you mean "minimal"/],
      [["stop", "nobody"], 1, /there is no container "nobody"/],
    ];
    for (const [args, code, said] of cases) {
      const outcome = await hcsctl(...args);
      assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
      assert.match(outcome.stderr, said);
    }
  });
});
