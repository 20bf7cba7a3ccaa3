import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import type { ExitedChild } from "../../../../../hcs/posix/libc.ts";
import { Reaper, type ChildStatuses } from "../../../../../hcs/emulator/guest/reaper.ts";

/** Exited children, in the order in which waitid shows them. */
class FakeChildren implements ChildStatuses {
  readonly exited: ExitedChild[] = [];

  peek(): ExitedChild | undefined {
    return this.exited[0];
  }

  reap(pid: number): ExitedChild | undefined {
    const index = this.exited.findIndex((child) => child.pid === pid);
    return index < 0 ? undefined : this.exited.splice(index, 1)[0];
  }
}

describe("Reaper", () => {
  let children: FakeChildren;
  let reaper: Reaper;

  beforeEach(() => {
    children = new FakeChildren();
    reaper = new Reaper(children);
  });

  function exit(pid: number, status = 0): void {
    children.exited.push({ pid, status });
    reaper.sweep();
  }

  it("tells the status of a child that was claimed before its exit", async () => {
    const launch = reaper.beginLaunch();
    const status = launch.claim(7);
    launch.end();
    exit(7, 3);
    assert.equal(await status, 3);
  });

  it("tells the status of a child that exited before it was claimed, once", async () => {
    const launch = reaper.beginLaunch();
    exit(7, 4);
    assert.equal(await launch.claim(7), 4);
    const again = launch.claim(7);
    exit(7, 5);
    assert.equal(await again, 5);
    launch.end();
  });

  it("keeps statuses that nobody claimed while any launch is under way, and no longer", async () => {
    const first = reaper.beginLaunch();
    const second = reaper.beginLaunch();
    exit(7, 1);
    first.end();
    first.end();
    assert.equal(await second.claim(7), 1);
    exit(8, 2);
    second.end();
    const third = reaper.beginLaunch();
    // A new process that has got the pid of the one before.
    const status = third.claim(8);
    exit(8, 9);
    assert.equal(await status, 9);
    third.end();
  });

  it("collects orphans", () => {
    exit(9);
    exit(10);
    assert.equal(children.exited.length, 0);
  });

  it("leaves the children of libuv alone, and goes on after them", () => {
    const child = Object.assign(new EventEmitter(), { pid: 5 });
    reaper.adopt(child as unknown as ChildProcess);
    children.exited.push({ pid: 5, status: 0 }, { pid: 6, status: 0 });
    reaper.sweep();
    assert.deepEqual(
      children.exited.map((one) => one.pid),
      [5, 6],
    );
    // libuv collects its child and reports it.
    children.exited.shift();
    child.emit("exit", 0, null);
    assert.equal(children.exited.length, 0);
    exit(5);
    assert.equal(children.exited.length, 0, "the pid is nobody's again");
  });

  it("does not know a child that libuv could not start", () => {
    reaper.adopt(Object.assign(new EventEmitter(), { pid: undefined }) as unknown as ChildProcess);
    exit(1);
    assert.equal(children.exited.length, 0);
  });

  it("sweeps at the signal, until it is stopped", () => {
    reaper.start();
    children.exited.push({ pid: 3, status: 0 });
    process.emit("SIGCHLD", "SIGCHLD");
    assert.equal(children.exited.length, 0);
    reaper.stop();
    children.exited.push({ pid: 3, status: 0 });
    process.emit("SIGCHLD", "SIGCHLD");
    assert.equal(children.exited.length, 1);
  });
});
