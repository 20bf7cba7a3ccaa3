import assert from "node:assert/strict";
import { Container, type ContainerInit } from "../../../../../hcs/emulator/guest/container.ts";
import { ContainerTable } from "../../../../../hcs/emulator/guest/container-table.ts";
import { GuestProcess } from "../../../../../hcs/emulator/guest/process.ts";
import type { Runc } from "../../../../../hcs/emulator/guest/runc.ts";
import type { GuestStdio } from "../../../../../hcs/emulator/guest/stdio.ts";
import { waitForExit } from "../../../../../hcs/emulator/guest/wait-for-exit.ts";
import { createDeferred } from "../../../../../hcs/deferred.ts";
import { WAIT_FOREVER } from "../../../../../hcs/guest/protocol.ts";

const DIAL = { dial: () => Promise.reject(new Error("nobody")), ports: new Map() };
const PID = 0x7fff_fff0;

/** A container whose init exits when the test says so. */
function makeContainer() {
  const exited = createDeferred<number>();
  const drained = createDeferred<void>();
  const calls: string[] = [];
  const stdio: GuestStdio = {
    attach: () => calls.push("attach"),
    finish: () => drained.promise,
    resize: () => undefined,
    giveUpRedialling: () => calls.push("give up"),
    release: () => drained.resolve(),
  };
  const init = new GuestProcess({ pid: PID, exited: exited.promise, stdio });
  const pod = { id: "c", root: "/run/c", hostNetwork: false };
  const about: ContainerInit = {
    ...{ id: "c", pod, bundle: "/run/c", cgroup: "/vm/pods/c/c", rootPath: "/run/c/rootfs", init },
    kind: { type: "standalone", sandboxId: "c" },
    ...{ scratch: undefined, activityId: undefined, user: undefined, rlimits: undefined, tee: undefined },
    thaw: () => undefined,
  };
  const started = { fail: undefined as Error | undefined };
  const runc = {
    start: async () => {
      calls.push("start");
      if (started.fail !== undefined) throw started.fail;
    },
  };
  const exits: string[] = [];
  const container = new Container(about, runc as unknown as Runc, (_, type) => exits.push(type));
  return { container, exited, drained, calls, exits, started };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("Container", () => {
  it("goes from created over running to stopped", async () => {
    const { container, exited, calls } = makeContainer();
    assert.equal(container.state, "created");
    assert.equal(await container.start(DIAL), PID);
    assert.equal(container.state, "running");
    exited.resolve(0);
    await settle();
    assert.equal(container.state, "stopped");
    assert.deepEqual(calls, ["attach", "start"]);
  });

  it("can be started again when its streams could not be connected, but not otherwise", async () => {
    const { container, started } = makeContainer();
    const ports = new Map([["stdout", 1]] as const);
    await assert.rejects(container.start({ ...DIAL, ports }), /cannot connect stdout/);
    assert.equal(container.state, "created");
    started.fail = new Error("runc");
    await assert.rejects(container.start(DIAL), /runc/);
    await assert.rejects(container.start(DIAL), { hresult: 0x80370105 });
  });

  it("refuses a start while one is under way", async () => {
    const { container } = makeContainer();
    const first = container.start(DIAL);
    await assert.rejects(container.start(DIAL), { hresult: 0x80370105 });
    await first;
  });

  it("withholds the answer to a wait until the output is taken", async () => {
    const { container, exited, drained } = makeContainer();
    let answer: number | undefined;
    void container.wait(PID, WAIT_FOREVER).then((status) => (answer = status));
    exited.resolve(3);
    await settle();
    assert.equal(answer, undefined);
    drained.resolve();
    await settle();
    assert.equal(answer, 3);
  });

  it("tells of the exit once, after the last pending wait was answered", async () => {
    const { container, exited, drained, exits } = makeContainer();
    const first = container.wait(PID, WAIT_FOREVER);
    const second = container.wait(PID, WAIT_FOREVER);
    exited.resolve(0);
    drained.resolve();
    await Promise.all([first, second]);
    container.waitAnswered(PID);
    assert.deepEqual(exits, []);
    container.waitAnswered(PID);
    assert.deepEqual(exits, ["UnexpectedExit"]);
    await container.wait(PID, WAIT_FOREVER);
    container.waitAnswered(PID);
    container.waitAnswered(4711);
    assert.equal(exits.length, 1);
  });

  it("tells of no exit without a wait, and of one after a wait that timed out", async () => {
    const silent = makeContainer();
    silent.exited.resolve(0);
    silent.drained.resolve();
    await settle();
    assert.deepEqual(silent.exits, []);

    const impatient = makeContainer();
    await assert.rejects(impatient.container.wait(PID, 1), { hresult: 0xc0370109 });
    impatient.container.waitAnswered(PID);
    assert.deepEqual(impatient.exits, []);
    impatient.exited.resolve(0);
    impatient.drained.resolve();
    await settle();
    assert.deepEqual(impatient.exits, ["UnexpectedExit"]);
  });

  it("knows no other processes, and signals none that has exited", async () => {
    const { container, exited } = makeContainer();
    assert.throws(() => container.process(1), { hresult: 0x80070490 });
    await assert.rejects(container.wait(1, 1), { hresult: 0x80070490 });
    exited.resolve(0);
    await settle();
    assert.throws(() => container.signal(PID, 15), { hresult: 0x80070490 });
    assert.throws(() => container.shutdown(9), { hresult: 0xc0370110 });
    await assert.rejects(container.exec({}, DIAL), { hresult: 0xc0370110 });
  });

  it("answers waits when it is released", async () => {
    const { container, exited } = makeContainer();
    const wait = container.wait(PID, WAIT_FOREVER);
    exited.resolve(9);
    container.release();
    assert.equal(await wait, 9);
  });
});

describe("ContainerTable", () => {
  it("knows what is being made, and frees the id of what could not be", async () => {
    const table = new ContainerTable();
    const { container } = makeContainer();
    const made = createDeferred<Container>();
    const adding = table.add("c", () => made.promise);
    assert.throws(() => table.get("c"), { hresult: 0x80370105 });
    assert.equal(table.find("c"), undefined);
    assert.deepEqual(table.all(), []);
    await assert.rejects(
      table.add("c", () => assert.fail("made twice")),
      { hresult: 0xc037010f },
    );
    made.reject(new Error("no"));
    await assert.rejects(adding, /no/);
    await table.add("c", () => Promise.resolve(container));
    assert.equal(table.get("c"), container);
    table.remove(makeContainer().container);
    assert.deepEqual(table.all(), [container], "another one of the same id stays");
    table.remove(container);
    assert.throws(() => table.get("c"), { hresult: 0xc037010e });
  });
});

describe("waitForExit", () => {
  it("settles with the exit, before any limit", async () => {
    assert.equal(await waitForExit(Promise.resolve(4), 0xffff_fffe, "x"), 4);
    assert.equal(await waitForExit(Promise.resolve(4), WAIT_FOREVER, "x"), 4);
  });

  it("gives up after the limit", async () => {
    const never = new Promise<number>(() => undefined);
    await assert.rejects(waitForExit(never, 0, "process 7"), {
      hresult: 0xc0370109,
      message: "process 7 did not exit within 0 ms",
    });
  });
});
