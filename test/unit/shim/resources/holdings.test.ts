import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { Holdings } from "../../../../shim/resources/holdings.ts";
import { FileJournal, readJournal, type Holding } from "../../../../shim/resources/journal.ts";
import { reclaim } from "../../../../shim/resources/reclaim.ts";

const NEVER = new AbortController().signal;

function holding(kind: "mount" | "vm" | "share", name: string): Holding {
  switch (kind) {
    case "mount":
      return { kind, key: `mount:${name}`, data: { target: name } };
    case "vm":
      return { kind, key: `vm:${name}`, data: { id: name } };
    case "share":
      return { kind, key: `share:${name}`, data: { vm: "vm", name, path: name } };
  }
}

describe("Holdings", () => {
  let root: string;
  let journal: FileJournal;
  let holdings: Holdings;
  let released: string[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "holdings-"));
    journal = FileJournal.open({
      bundle: root,
      stateDirectory: join(root, "state"),
      namespace: "n",
      id: "t",
    });
    holdings = new Holdings(journal);
    released = [];
  });

  afterEach(() => {
    journal.close();
    rmSync(root, { recursive: true, force: true });
  });

  const acquire = (
    one: Holding,
    release: () => Promise<void> = async () => void released.push(one.key),
  ): Promise<void> => holdings.acquire(one, async () => undefined, release);
  const journaled = (): string[] => readJournal(join(root, "journal.jsonl")).held.map(({ key }) => key);

  it("are journaled before they are acquired", async () => {
    let seen: string[] = [];
    await holdings.acquire(
      holding("vm", "a"),
      async () => void (seen = journaled()),
      async () => undefined,
    );
    assert.deepEqual(seen, ["vm:a"]);
  });

  it("are struck when their acquisition failed", async () => {
    const failing = holdings.acquire(
      holding("vm", "a"),
      () => Promise.reject(new Error("no memory")),
      async () => undefined,
    );
    await assert.rejects(failing, /no memory/);
    assert.deepEqual([journaled(), holdings.list()], [[], []]);
  });

  it("are released in reverse order, and struck", async () => {
    for (const name of ["a", "b", "c"]) await acquire(holding("mount", name));
    await holdings.release(NEVER);
    assert.deepEqual([released, journaled()], [["mount:c", "mount:b", "mount:a"], []]);
  });

  it("are all tried when one cannot be released, which stays held and can be tried again", async () => {
    let busy = true;
    await acquire(holding("mount", "a"));
    await acquire(holding("mount", "b"), async () => {
      if (busy) throw new Error("device busy");
      released.push("mount:b");
    });
    await acquire(holding("mount", "c"));
    await assert.rejects(holdings.release(NEVER), /cannot release mount mount:b: device busy/);
    assert.deepEqual([released, journaled()], [["mount:c", "mount:a"], ["mount:b"]]);
    busy = false;
    await holdings.release(NEVER);
    assert.deepEqual(journaled(), []);
  });

  it("inside a VM are forgotten when it is gone", async () => {
    await acquire(holding("mount", "a"));
    await acquire(holding("share", "s"));
    holdings.forgetVm();
    assert.deepEqual([journaled(), released], [["mount:a"], []]);
  });

  it("that arrive after the end are released at once", async () => {
    const slow = createDeferred<void>();
    const late = holdings.acquire(
      holding("mount", "late"),
      () => slow.promise,
      async () => void released.push("late"),
    );
    await holdings.end(NEVER);
    slow.resolve();
    await assert.rejects(late, /its task was given up/);
    assert.deepEqual([released, journaled()], [["late"], []]);
  });
});

describe("reclaim", () => {
  it("releases newest first and goes on after a failure", async () => {
    const order: string[] = [];
    const outcome = await reclaim([holding("vm", "v"), holding("mount", "bad"), holding("share", "s")], {
      mount: ({ target }) => Promise.reject(new Error(`${target} is busy`)),
      vm: async ({ id }) => void order.push(id),
      share: async ({ name }) => void order.push(name),
      file: async () => undefined,
      device: async () => undefined,
      layers: async () => undefined,
      nic: async () => undefined,
    });
    assert.deepEqual(order, ["s", "v"]);
    assert.deepEqual(
      outcome.failed.map(({ message }) => message),
      ["bad is busy"],
    );
    assert.deepEqual(
      outcome.released.map(({ key }) => key),
      ["share:s", "vm:v"],
    );
  });
});
