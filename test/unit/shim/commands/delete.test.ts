import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sinon from "sinon";
import { DeleteResponse } from "../../../../protos/gen/task-v2.ts";
import { timestampToDate } from "../../../../protos/timestamp.ts";
import { deleteTask, type DeleteOutcome } from "../../../../shim/commands/delete.ts";
import { UsageError, type ShimFlags } from "../../../../shim/flags.ts";
import { FileJournal, nodeJournalPath } from "../../../../shim/resources/journal.ts";

const NOW = Date.UTC(2025, 0, 2);

describe("deleteTask", () => {
  let root: string;
  let bundle: string;
  let flags: ShimFlags;
  let reclaimers: Record<"mount" | "vm" | "share" | "nic", sinon.SinonStub<[unknown], Promise<void>>>;
  let before: string | undefined;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "delete-"));
    bundle = join(root, "bundle");
    mkdirSync(bundle);
    writeFileSync(join(root, "node.toml"), `state_directory = "${join(root, "state")}"\n`);
    before = process.env["RUNHCS_CONFIG"];
    process.env["RUNHCS_CONFIG"] = join(root, "node.toml");
    flags = {
      namespace: "k8s.io",
      address: "/c.sock",
      publishBinary: "/containerd",
      id: "web",
      bundle,
      debug: false,
    };
    reclaimers = { mount: sinon.stub(), vm: sinon.stub(), share: sinon.stub(), nic: sinon.stub() };
    for (const stub of Object.values(reclaimers)) stub.resolves();
  });

  afterEach(() => {
    if (before === undefined) delete process.env["RUNHCS_CONFIG"];
    else process.env["RUNHCS_CONFIG"] = before;
    rmSync(root, { recursive: true, force: true });
  });

  const journal = (): FileJournal =>
    FileJournal.open({ bundle, stateDirectory: join(root, "state"), namespace: "k8s.io", id: "web" });
  const run = (): Promise<DeleteOutcome> =>
    deleteTask(flags, { reclaimers: async () => reclaimers, now: () => NOW });

  it("does nothing for a task that was cleaned up, and answers its exit", async () => {
    const task = journal();
    task.started(33);
    task.exited({ pid: 33, status: 7, at: NOW - 1000 });
    task.close();
    const { response, remarks } = await run();
    const { pid, exitStatus, exitedAt } = DeleteResponse.decode(response);
    assert.deepEqual([pid, exitStatus, remarks], [33, 7, []]);
    assert.equal(timestampToDate(exitedAt!).getTime(), NOW - 1000);
    for (const stub of Object.values(reclaimers)) sinon.assert.notCalled(stub);
  });

  it("releases what a dead shim held, newest first, and answers that the task was killed", async () => {
    const task = journal();
    task.hold({ kind: "vm", key: "vm:web@vm", data: { id: "web@vm" } });
    task.hold({ kind: "mount", key: "mount:/r", data: { target: "/r" } });
    task.started(33);
    const { response } = await run();
    const { pid, exitStatus, exitedAt } = DeleteResponse.decode(response);
    assert.deepEqual([pid, exitStatus], [33, 137]);
    assert.equal(timestampToDate(exitedAt!).getTime(), NOW);
    sinon.assert.callOrder(reclaimers.mount, reclaimers.vm);
    sinon.assert.calledOnceWithExactly(reclaimers.vm, { id: "web@vm" });
    assert.ok(!existsSync(join(root, "state")), "the node's copy of the journal is gone");
    task.close();
  });

  it("works from the node's copy when the bundle is gone", async () => {
    const task = journal();
    task.hold({ kind: "vm", key: "vm:web@vm", data: { id: "web@vm" } });
    rmSync(bundle, { recursive: true });
    await run();
    sinon.assert.calledOnce(reclaimers.vm);
    task.close();
  });

  it("says what it could not release, goes on, and keeps the journal for another attempt", async () => {
    const task = journal();
    task.hold({ kind: "vm", key: "vm:web@vm", data: { id: "web@vm" } });
    task.hold({ kind: "mount", key: "mount:/r", data: { target: "/r" } });
    reclaimers.mount.rejects(new Error("device busy"));
    const { remarks } = await run();
    assert.deepEqual(remarks, ["cannot release mount mount:/r: device busy"]);
    sinon.assert.calledOnce(reclaimers.vm);
    assert.ok(existsSync(nodeJournalPath(join(root, "state"), "k8s.io", "web")));
    task.close();
  });

  it("passes on what the shim printed when it died", async () => {
    writeFileSync(join(bundle, "panic.log"), "uncaughtException: boom\n");
    assert.deepEqual((await run()).remarks, ["uncaughtException: boom"]);
  });

  it("answers for a bundle that does not exist", async () => {
    rmSync(bundle, { recursive: true });
    assert.equal(DeleteResponse.decode((await run()).response).exitStatus, 137);
  });

  it("removes the socket of a dead shim, and leaves that of a living one", async () => {
    const dead = join(root, "dead");
    writeFileSync(dead, "");
    writeFileSync(join(bundle, "address"), `unix://${dead}`);
    await run();
    assert.ok(!existsSync(dead));

    const alive = join(root, "alive");
    const server = createServer().listen(alive);
    await new Promise((resolve) => server.once("listening", resolve));
    writeFileSync(join(bundle, "address"), `unix://${alive}`);
    await run();
    assert.ok(existsSync(alive));
    await new Promise((resolve) => server.close(resolve));
  });

  it("needs a bundle", async () => {
    flags = { ...flags, bundle: undefined };
    await assert.rejects(run(), UsageError);
  });
});
