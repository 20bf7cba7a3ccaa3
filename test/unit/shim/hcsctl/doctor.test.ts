import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { doctor } from "../../../../shim/hcsctl/doctor.ts";
import { Options } from "../../../../shim/options/own.ts";
import { FileJournal, nodeJournalPath, readJournal } from "../../../../shim/resources/journal.ts";
import { runCommand, type CommandOutcome } from "./run-command.ts";

describe("hcsctl doctor", () => {
  let root: string;
  let servers: Server[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "doctor-"));
    servers = [];
    mkdirSync(join(root, "s"));
  });

  afterEach(() => {
    for (const server of servers) server.close();
    rmSync(root, { recursive: true, force: true });
  });

  const state = (): string => join(root, "state");
  const onNode = (id: string): string => nodeJournalPath(state(), "k8s.io", id);

  async function listen(path: string): Promise<void> {
    const server = createServer((socket) => socket.destroy());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(path, resolve));
  }

  /** A task whose bundle names a socket, and whose shim holds `path`. */
  async function task(id: string, shim: "dead" | "alive" | "silent", path: string): Promise<void> {
    const bundle = join(root, id);
    mkdirSync(bundle);
    const socket = join(root, "s", id);
    writeFileSync(join(bundle, "address"), `unix://${socket}`);
    if (shim === "alive") await listen(socket);
    const journal = FileJournal.open({ bundle, stateDirectory: state(), namespace: "k8s.io", id });
    journal.hold({ kind: "file", key: `file:${path}`, data: { path } });
    journal.close();
    const dead = { op: "opened", bundle, shim: process.pid, startTime: 1 };
    if (shim === "dead") appendFileSync(onNode(id), `${JSON.stringify(dead)}\n`);
  }

  function run(flags: Record<string, boolean> = {}): Promise<CommandOutcome> {
    const own = new Map([
      ["state_directory", state()],
      ["emulator.state_directory", join(root, "emulator")],
    ]);
    return runCommand(
      doctor,
      [],
      { "socket-dir": join(root, "s"), ...flags },
      new Options({ values: own, warnings: [] }),
    );
  }

  it("finds nothing on a node where nothing ever was", async () => {
    const { output, failed } = await run();
    assert.equal(output, "nothing is left behind; 0 tasks of living shims in order\n");
    assert.ok(!failed);
  });

  it("finds what a dead shim has left, and leaves it", async () => {
    const left = join(root, "left");
    writeFileSync(left, "");
    await task("web", "dead", left);
    const { output, failed } = await run();
    assert.match(output, /task\s+k8s\.io\/web\s+wrong\s+its shim is dead and left file:/);
    assert.ok(failed);
    assert.ok(existsSync(left));
  });

  it("releases it with --fix, and is content the next time", async () => {
    const left = join(root, "left");
    writeFileSync(left, "");
    await task("web", "dead", left);
    const { output, failed } = await run({ fix: true });
    assert.match(output, /task\s+k8s\.io\/web\s+fixed\s+released file:/);
    assert.ok(!failed);
    assert.ok(!existsSync(left));
    assert.ok(!existsSync(onNode("web")));
    assert.deepEqual(readJournal(join(root, "web", "journal.jsonl")).held, []);
    assert.ok(!(await run()).failed);
  });

  it("says what it cannot release, and keeps its journal", async () => {
    const directory = join(root, "directory");
    mkdirSync(directory);
    await task("web", "dead", directory);
    const { output, failed } = await run({ fix: true });
    assert.match(output, /task\s+k8s\.io\/web\s+failed\s+cannot release file:/);
    assert.ok(failed);
    assert.equal(readJournal(onNode("web")).held.length, 1);
  });

  it("never touches what a living shim holds", async () => {
    const held = join(root, "held");
    writeFileSync(held, "");
    await task("web", "alive", held);
    const { output, failed } = await run({ fix: true });
    assert.equal(output, "nothing is left behind; 1 task of living shims in order\n");
    assert.ok(!failed);
    assert.ok(existsSync(held));
  });

  it("tells of a shim that lives and does not answer, and does not take its things", async () => {
    const held = join(root, "held");
    writeFileSync(held, "");
    await task("web", "silent", held);
    const { output, failed } = await run({ fix: true });
    assert.match(output, /wrong\s+its shim \(process \d+\) lives and does not answer/);
    assert.ok(failed);
    assert.ok(existsSync(held));
  });

  it("tells of a journal that is no journal, and examines the others", async () => {
    await task("web", "dead", join(root, "gone"));
    await task("bad", "dead", join(root, "gone"));
    appendFileSync(onNode("bad"), "{\n{}\n");
    const { output, failed } = await run({ fix: true });
    assert.match(output, /k8s\.io\/bad\s+failed\s+its journal .* cannot be read/);
    assert.match(output, /k8s\.io\/web\s+fixed/);
    assert.ok(failed);
  });

  it("removes what compute systems have left that ended", async () => {
    const orphan = join(root, "emulator/systems/.dead-0123456789abcdef-01234567");
    mkdirSync(orphan, { recursive: true });
    assert.match((await run()).output, /system\s+\S+\.dead-0123456789abcdef-01234567\s+wrong/);
    assert.match((await run({ fix: true })).output, /system\s+\S+\s+fixed\s+removed/);
    assert.ok(!existsSync(orphan));
  });

  it("answers programs in JSON", async () => {
    await task("web", "dead", join(root, "gone"));
    const { findings, healthy } = JSON.parse((await run({ json: true })).output) as {
      findings: { kind: string; held: unknown[] }[];
      healthy: boolean;
    };
    assert.equal(healthy, false);
    assert.deepEqual(
      findings.map(({ kind, held }) => [kind, held.length]),
      [["task", 1]],
    );
  });

  it("removes sockets that nobody serves any more, and no others", async () => {
    const dead = join(root, "s", "dead");
    deadSocket(dead);
    const served = join(root, "s", "served");
    await listen(served);
    for (const path of [dead, served]) utimesSync(path, 0, 0);
    const { output, failed } = await run();
    assert.match(output, /socket\s+\S+\/dead\s+wrong\s+nobody serves it any more/);
    assert.ok(failed);
    assert.ok(!(await run({ fix: true })).failed);
    assert.ok(!existsSync(dead));
    assert.ok(existsSync(served));
  });

  it("leaves young sockets alone: somebody may be about to listen", async () => {
    const path = join(root, "s", "dead");
    deadSocket(path);
    assert.ok(existsSync(path));
    assert.ok(!(await run({ fix: true })).failed);
    assert.ok(existsSync(path));
  });
});

/** A socket file whose process is gone. */
function deadSocket(path: string): void {
  const program = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", program]);
}
