import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { execFile } from "node:child_process";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StartContext } from "../../../../shim/commands/start.ts";
import { isListening } from "../../../../shim/bootstrap/address.ts";
import type { ShimFlags } from "../../../../shim/flags.ts";
import { FileJournal, nodeJournalPath, readJournal } from "../../../../shim/resources/journal.ts";
import { until } from "../../../support/until.ts";

const RUNNER = join(import.meta.dirname, "../../../support/start-runner.ts");

/** A daemon that greets whoever connects, on the socket it was handed or on one of its own. */
const DAEMON = `
const socket = process.argv[process.argv.indexOf("-socket") + 1];
const server = require("node:net").createServer((peer) => peer.on("error", () => undefined).end("served by " + process.pid));
server.listen(process.env.RUNHCS_LISTEN_HANDED_OVER ? { fd: 3 } : { path: socket });
`;

type Given = Omit<StartContext, "reclaimers">;

describe("start", function () {
  this.timeout(30_000);
  let root: string;
  let bundle: string;
  let pids: number[];
  let environment: NodeJS.ProcessEnv;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "start-"));
    bundle = join(root, "bundle");
    mkdirSync(bundle);
    writeFileSync(join(root, "daemon.cjs"), DAEMON);
    // Sockets of tests do not belong in the machine's directory for them.
    writeFileSync(join(root, "node.toml"), "");
    environment = { ...process.env };
    process.env["RUNHCS_CONFIG"] = join(root, "node.toml");
    pids = [];
  });

  afterEach(async () => {
    for (const pid of pids) if (isRunning(pid)) process.kill(pid, "SIGKILL");
    await until("the daemons to be gone", () => pids.every((pid) => !isRunning(pid)));
    process.env = environment;
    rmSync(root, { recursive: true, force: true });
  });

  const isRunning = (pid: number): boolean => {
    try {
      return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
    } catch {
      return false;
    }
  };

  const flags = (id: string): ShimFlags => ({
    namespace: "test",
    address: join(root, "containerd.sock"),
    publishBinary: "/bin/true",
    id,
    bundle: undefined,
    debug: false,
  });

  function context(listening: "handed-over" | "by-itself", daemon = join(root, "daemon.cjs")): Given {
    const placement = { kind: "spawn", daemonCommand: [process.execPath, daemon], listening } as const;
    return { bundle, stdin: new Uint8Array(0), placement };
  }

  async function run(id: string, spec: object | undefined, how: Given): Promise<string> {
    if (spec !== undefined) writeFileSync(join(bundle, "config.json"), JSON.stringify(spec));
    const output = await inItsOwnProcess(flags(id), how);
    const pid = join(bundle, "shim.pid");
    if (existsSync(pid)) pids.push(Number(readFileSync(pid, "utf8")));
    return output;
  }

  function inItsOwnProcess(given: ShimFlags, how: Given): Promise<string> {
    const args = ["--import", "tsx/esm", RUNNER, JSON.stringify({ flags: given, context: how })];
    return new Promise((resolve, reject) => {
      execFile(process.execPath, args, (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(stderr)),
      );
    });
  }

  function greeting(url: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = "";
      connect(url.slice("unix://".length))
        .on("data", (chunk) => (text += chunk.toString()))
        .on("end", () => resolve(text))
        .on("error", reject);
    });
  }

  for (const listening of ["handed-over", "by-itself"] as const) {
    it(`answers an address at which a connection is served (${listening})`, async () => {
      const url = await run("web", {}, context(listening));
      assert.match(url, /^unix:\/\/\//);
      assert.equal(await greeting(url), `served by ${pids[0]}`);
      assert.equal(readFileSync(join(bundle, "address"), "utf8"), url);
      rmSync(url.slice("unix://".length), { force: true });
    });
  }

  it("uses the process that serves the id already", async () => {
    const url = await run("web", {}, context("handed-over"));
    await greeting(url);
    assert.equal(await run("web", {}, context("handed-over")), url);
    assert.equal(pids[1], pids[0]);
    assert.equal(await greeting(url), `served by ${pids[0]}`);
    rmSync(url.slice("unix://".length), { force: true });
  });

  it("takes over the address of a process that died", async () => {
    const url = await run("web", {}, context("handed-over"));
    await greeting(url);
    process.kill(pids[0]!, "SIGKILL");
    await until("the first to be gone", async () => !(await isListening(url.slice("unix://".length))));
    assert.equal(await run("web", {}, context("handed-over")), url);
    assert.equal(await greeting(url), `served by ${pids[1]}`);
    rmSync(url.slice("unix://".length), { force: true });
  });

  describe("of an id that an earlier task had", () => {
    const place = () => ({ bundle, stateDirectory: join(root, "state"), namespace: "test", id: "web" });
    const left = () => join(root, "left");

    beforeEach(() => {
      writeFileSync(join(root, "node.toml"), `state_directory = "${join(root, "state")}"\n`);
      writeFileSync(left(), "");
      mkdirSync(join(root, "not-a-file"));
    });

    /** A journal as a shim has left it. */
    function leave(path: string, shim: { shim: number; startTime?: number }): void {
      const journal = FileJournal.open(place());
      journal.hold({ kind: "file", key: `file:${path}`, data: { path } });
      journal.close();
      const onNode = nodeJournalPath(join(root, "state"), "test", "web");
      appendFileSync(onNode, `${JSON.stringify({ op: "opened", bundle, ...shim })}\n`);
    }

    it("releases what it has left, if its shim is dead", async () => {
      leave(left(), { shim: process.pid, startTime: 1 });
      const url = await run("web", {}, context("handed-over"));
      await greeting(url);
      assert.ok(!existsSync(left()));
      assert.ok(!existsSync(join(root, "state")), "its journal is gone");
      rmSync(url.slice("unix://".length), { force: true });
    });

    it("leaves alone what a living shim holds", async () => {
      leave(left(), { shim: process.pid });
      const url = await run("web", {}, context("handed-over"));
      await greeting(url);
      assert.ok(existsSync(left()));
      rmSync(url.slice("unix://".length), { force: true });
    });

    it("refuses when it cannot, and keeps the journal", async () => {
      leave(join(root, "not-a-file"), { shim: process.pid, startTime: 1 });
      await assert.rejects(
        run("web", {}, context("handed-over")),
        /cannot start "web": an earlier task of this id has left what cannot be released: file /,
      );
      assert.equal(readJournal(nodeJournalPath(join(root, "state"), "test", "web")).held.length, 1);
    });
  });

  it("says so when the process ends before it listens", async () => {
    const daemon = join(root, "broken.cjs");
    writeFileSync(daemon, "process.exit(3)");
    await assert.rejects(
      run("web", {}, context("by-itself", daemon)),
      /it ended before it listened \(exit code 3\)/,
    );
  });

  it("refuses a workload whose pod nobody serves", async () => {
    const annotations = {
      "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.sandbox-id": "pod",
    };
    await assert.rejects(
      run("web", { annotations }, context("handed-over")),
      /cannot join pod "pod": no shim answers/,
    );
  });

  it("answers a workload with the address of its pod, and writes it into its bundle", async () => {
    const annotations = {
      "io.kubernetes.cri.container-type": "sandbox",
      "io.kubernetes.cri.sandbox-id": "pod",
    };
    const url = await run("pod", { annotations }, context("handed-over"));
    await greeting(url);
    rmSync(join(bundle, "address"));
    const workload = { ...annotations, "io.kubernetes.cri.container-type": "container" };
    assert.equal(await run("web", { annotations: workload }, context("handed-over")), url);
    assert.equal(readFileSync(join(bundle, "address"), "utf8"), url);
    rmSync(url.slice("unix://".length), { force: true });
  });

  it("refuses a sandbox whose id is not the pod's", async () => {
    const annotations = {
      "io.kubernetes.cri.container-type": "sandbox",
      "io.kubernetes.cri.sandbox-id": "pod",
    };
    await assert.rejects(
      run("web", { annotations }, context("handed-over")),
      /it is the sandbox of pod "pod"/,
    );
  });

  it("refuses a bundle without a spec", async () => {
    await assert.rejects(run("web", undefined, context("handed-over")), /ENOENT.*config\.json/);
  });

  it("says what is wrong with the node file", async () => {
    writeFileSync(join(root, "node.toml"), 'log = { level = "loud" }\n');
    await assert.rejects(run("web", {}, context("handed-over")), /invalid option "log\.level"/);
  });
});
