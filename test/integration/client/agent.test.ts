/** Containers whose first process is the agent, as people and programs reach them: hcsctl and the library. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../../../shim/agent/protocol/errors.ts";
import { withAudit, type AuditRecord } from "../../../shim/agent/runtime/audit.ts";
import { clientPeer } from "../../../shim/agent/runtime/client-peer.ts";
import { openProcessContainer } from "../../../shim/agent/runtime/process.ts";
import type { IsolatedContainer } from "../../../shim/agent/runtime/runtime.ts";
import type { Container } from "../../../shim/client/container.ts";
import { idle } from "../../support/client-programs.ts";
import { RunningCommand, type CommandResult } from "../../support/command.ts";
import { eachEngine } from "../../support/each-engine.ts";
import { RUNHCS } from "../../support/runtime.ts";

eachEngine("hcsctl and containers with an agent", (engine) => {
  let container: Container;
  const path = (...names: string[]): string => join(engine().directory, ...names);

  before(async () => {
    appendFileSync(
      engine().nodeFile,
      `\n[agent]\nstore = "${path("store")}"\n[audit]\nfile = "${path("audit.log")}"\n`,
    );
    await engine().client.engine.images.import(engine().archive);
    container = await idle(engine().client, {
      id: "agent",
      annotations: { "io.containerd.runhcs.agent.enabled": "true" },
    });
    mkdirSync(path("in/inc"), { recursive: true });
    writeFileSync(path("in/main"), "main\n");
    writeFileSync(path("in/inc/deep"), "deep\n");
  });
  after(() => container.destroy());

  function hcsctl(verb: string, ...args: string[]): Promise<CommandResult> {
    return new RunningCommand(join(RUNHCS.folder ?? "", "hcsctl"), [verb, ...engine().flags, ...args], {
      env: {
        ...process.env,
        RUNHCS_CONFIG: engine().nodeFile,
        NODE_V8_COVERAGE: "",
      },
    }).wait();
  }

  it("work with files that go in, and give back what is asked for", async () => {
    const script = "cat main inc/deep > $0/both; echo kept > $0/kept.txt; echo said; exit 6";
    const { code, stdout, stderr } = await hcsctl(
      "exec",
      ...["--in", path("in"), "--out", "bo*", "--to", path("out"), "agent", "--"],
      ...["sh", "-c", script, "/out"],
    );
    assert.deepEqual([code, String(stdout)], [6, "said\n"], stderr);
    assert.equal(readFileSync(path("out/both"), "utf8"), "main\ndeep\n");
    assert.throws(() => statSync(path("out/kept.txt")));
  });

  it("copy files both ways", async () => {
    assert.deepEqual((await hcsctl("cp", path("in"), "agent:/copied")).code, 0);
    assert.deepEqual((await hcsctl("cp", "agent:/copied", path("back"))).code, 0);
    assert.equal(readFileSync(path("back/inc/deep"), "utf8"), "deep\n");
    assert.match(
      (await hcsctl("cp", "agent:/no/such", path("back"))).stderr,
      /it does not exist in the container/,
    );
  });

  it("say what is wrong with a program that cannot be run", async () => {
    const { code, stderr } = await hcsctl("exec", "--in", path("in"), "agent", "--", "no-such-program");
    assert.equal(code, 127);
    assert.match(stderr, /cannot run "no-such-program": ENOENT/);
  });

  it("leave a record of all of it, each line with the digest of the one before", () => {
    const lines = readFileSync(path("audit.log"), "utf8").trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line) as AuditRecord);
    assert.deepEqual(
      records.filter(({ event }) => !event.startsWith("session")).map(({ event }) => event),
      ["exec", "copy in", "copy out", "copy out", "exec"],
    );
    for (const [index, { event, previous, isolation, boundary, user }] of records.entries()) {
      const before = createHash("sha256")
        .update(lines[index - 1] ?? "")
        .digest("hex");
      assert.equal(previous, event === "session opened" ? "" : before);
      assert.deepEqual([isolation, boundary.startsWith("partition+")], ["emulated", true]);
      assert.notEqual(user, "");
    }
    assert.equal(statSync(path("audit.log")).mode & 0o777, 0o600);
  });
});

eachEngine("a container of the library as a peer", (engine) => {
  let container: Container;
  let peer: IsolatedContainer;
  const path = (...names: string[]): string => join(engine().directory, ...names);

  before(async () => {
    await engine().client.engine.images.import(engine().archive);
    const scratch = { host: path("scratch"), inside: "/scratch" };
    mkdirSync(scratch.host);
    container = await idle(engine().client, { mounts: [{ source: scratch.host, target: scratch.inside }] });
    peer = openProcessContainer(clientPeer({ container, scratch, incarnation: "1" }));
    mkdirSync(path("in"));
    writeFileSync(path("in/text"), "sent");
  });
  after(() => container.destroy());

  it("works with files and without an agent, and says which boundary that is", async () => {
    const lines: string[] = [];
    const about = { session: "s", user: "tester", image: "" };
    const audited = withAudit(peer, about, (line) => lines.push(line));
    let said = "";
    const result = await audited.container.exec({
      argv: ["sh", "-c", "cat text; echo $WORD >&2; cp text $0/back; exit 4", "/out"],
      env: ["WORD=heard"],
      source: path("in"),
      output: path("out"),
      onOutput: (stream, bytes) => void (said += `${stream}:${Buffer.from(bytes).toString()} `),
    });
    assert.equal(result.exitCode, 4);
    assert.deepEqual(said.split(" ").filter(Boolean).sort(), ["stderr:heard\n", "stdout:sent"]);
    assert.equal(readFileSync(path("out/back"), "utf8"), "sent");
    audited.close();
    const { isolation, boundary } = JSON.parse(lines[1]!) as AuditRecord;
    assert.deepEqual([isolation, boundary], ["process", "silo"]);
  });

  it("ends a job in time, and one that its caller gives up", async () => {
    const late = await peer.exec({ argv: ["sleep", "1000"], timeoutMs: 200 });
    assert.deepEqual([late.exitCode, late.cause], [-1, 3]);
    const controller = new AbortController();
    const argv = ["sh", "-c", "echo up; sleep 1000"];
    await assert.rejects(
      peer.exec({ argv, onOutput: () => controller.abort(new Error("enough")) }, controller.signal),
      /enough/,
    );
  });

  it("is gone when its container is, and takes no work any more", async () => {
    const running = peer.exec({ argv: ["sleep", "1000"] });
    running.catch(() => undefined);
    await container.kill("SIGKILL");
    await assert.rejects(running, AgentError);
    assert.match((await peer.died).reason, /its first process exited/);
    await assert.rejects(peer.exec({ argv: ["true"] }), /is gone/);
  });
});
