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

  describe("that an earlier process has acquired", () => {
    const inherited = [holding("mount", "/a"), holding("vm", "a"), holding("share", "a/0")];
    const acquired: string[] = [];

    beforeEach(() => {
      for (const one of inherited) journal.hold(one);
      holdings = new Holdings(journal, inherited);
      acquired.length = 0;
    });

    const inherit = (one: Holding): Promise<void> =>
      holdings.acquire(
        one,
        async () => void acquired.push(one.key),
        async () => void released.push(one.key),
      );

    it("are released like others; what is on the host is not acquired again", async () => {
      for (const one of inherited) await inherit(one);
      assert.deepEqual(acquired, ["vm:a", "share:a/0"]);
      assert.deepEqual(holdings.inherited, []);
      await holdings.end(NEVER);
      assert.deepEqual(released, ["share:a/0", "vm:a", "mount:/a"]);
      assert.deepEqual(journaled(), []);
    });

    it("are all there is: nothing else is acquired meanwhile", async () => {
      await assert.rejects(
        inherit(holding("share", "a/1")),
        /cannot take share:a\/1 over: no journal has it/,
      );
      holdings.endInheritance();
      await inherit(holding("share", "a/1"));
      assert.deepEqual(acquired, ["share:a/1"]);
    });

    it("are released from outside where nobody asks for them; what fails stays", async () => {
      const outcome = holdings.reclaimInherited({
        mount: async ({ target }) => void released.push(target),
        vm: () => Promise.reject(new Error("it hangs")),
        share: async () => undefined,
      });
      await assert.rejects(outcome, /cannot release vm vm:a: it hangs/);
      assert.deepEqual([released, journaled()], [["/a"], ["vm:a"]]);
    });
  });

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
