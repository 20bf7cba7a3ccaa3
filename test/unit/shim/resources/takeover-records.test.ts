import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTakeover, TakeoverRecords } from "../../../../shim/resources/takeover-records.ts";

describe("TakeoverRecords", () => {
  let root: string;
  let records: TakeoverRecords;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "records-"));
    for (const id of ["pod", "web", "foreign"]) mkdirSync(join(root, id));
    records = new TakeoverRecords("pod");
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const create = (of: TakeoverRecords, id: string, at: number): void =>
    of.created(id, join(root, id), Buffer.from(`create ${id}`), at);
  const text = (base64: string): string => Buffer.from(base64, "base64").toString();

  it("tell of the tasks of a pod, its sandbox first, and of no others", () => {
    create(records, "web", 1);
    create(records, "pod", 2);
    create(new TakeoverRecords("foreign"), "foreign", 3);
    const tasks = readTakeover(join(root, "pod"), "pod");
    assert.deepEqual(
      tasks.map(({ id, bundle, init }) => [id, bundle, text(init.request)]),
      ["pod", "web"].map((id) => [id, join(root, id), `create ${id}`]),
    );
  });

  it("tell how far each process has come", () => {
    create(records, "pod", 1);
    records.note("pod", "", { started: { pid: 7, ports: { stdout: 9 } } });
    records.execAdded("pod", "probe/1", Buffer.from("exec"));
    records.note("pod", "probe/1", { started: { pid: 8, ports: {} }, isStdinClosed: true });
    const exit = { pid: 8, status: 3, at: 1000 };
    records.note("pod", "probe/1", { exit });
    const [task] = readTakeover(join(root, "pod"), "pod");
    assert.deepEqual(task?.init.started, { pid: 7, ports: { stdout: 9 } });
    const { request, ...facts } = task?.execs[0] ?? { request: "" };
    assert.equal(text(request), "exec");
    assert.deepEqual(facts, {
      execId: "probe/1",
      started: { pid: 8, ports: {} },
      isStdinClosed: true,
      exit,
    });
  });

  it("go with the process, and with the task", () => {
    create(records, "pod", 1);
    records.execAdded("pod", "probe", Buffer.from("exec"));
    records.deleted("pod", "probe");
    records.note("pod", "probe", { isExitTold: true });
    assert.deepEqual(readTakeover(join(root, "pod"), "pod")[0]?.execs, []);
    records.deleted("pod", "");
    records.note("pod", "", { isExitTold: true });
    assert.deepEqual(readTakeover(join(root, "pod"), "pod"), []);
    assert.equal(existsSync(join(root, "pod", "takeover")), false);
  });

  it("do without a bundle that containerd has removed", () => {
    create(records, "pod", 1);
    rmSync(join(root, "pod"), { recursive: true });
    records.note("pod", "", { isExitTold: true });
    records.deleted("pod", "");
  });

  it("go on where an earlier process was", () => {
    create(records, "pod", 1);
    const [task] = readTakeover(join(root, "pod"), "pod");
    assert.ok(task !== undefined);
    const later = new TakeoverRecords("pod");
    later.adopt(task);
    later.note("pod", "", { isExitTold: true });
    assert.equal(readTakeover(join(root, "pod"), "pod")[0]?.init.isExitTold, true);
  });
});
