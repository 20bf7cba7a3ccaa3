import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  childrenOf,
  identify,
  isAlive,
  killProcess,
} from "../../../../../hcs/emulator/systems/process-identity.ts";
import { readProcess } from "../../../../support/proc.ts";
import { until } from "../../../../support/until.ts";

describe("process identity", () => {
  it("tells a living process from one that has ended", async () => {
    const child = spawn("sleep", ["1000"]);
    const identity = identify(child.pid!)!;
    assert.equal(identity.pid, child.pid);
    assert.ok(isAlive(identity));
    assert.deepEqual(
      childrenOf(process.pid).filter(({ pid }) => pid === child.pid),
      [identity],
    );
    const ended = once(child, "exit");
    assert.equal(killProcess(identity), true);
    assert.deepEqual(await ended, [null, "SIGKILL"]);
    assert.ok(!isAlive(identity));
    assert.equal(killProcess(identity), false);
    assert.equal(identify(child.pid!), undefined);
  });

  it("does not take another process with the pid for the one it was", async () => {
    const child = spawn("sleep", ["1000"]);
    const before = { pid: child.pid!, startTime: identify(child.pid!)!.startTime - 1 };
    assert.ok(!isAlive(before));
    assert.equal(killProcess(before), false);
    assert.ok(isAlive(identify(child.pid!)!));
    child.kill("SIGKILL");
    await once(child, "exit");
  });

  it("takes a zombie for ended", async () => {
    // The shell becomes a program that never reaps the child it already had.
    const parent = spawn("sh", ["-c", "sleep 0.01 & echo $!; exec sleep 1000"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    await until("the child to be a zombie", () => readProcess(pid)?.state === "Z");
    assert.equal(identify(pid), undefined);
    assert.deepEqual(childrenOf(parent.pid!), []);
    parent.kill("SIGKILL");
    await once(parent, "exit");
  });

  it("reads past a program name with blanks and parentheses", async () => {
    const child = spawn("sh", ["-c", "printf 'a) R 1 (b' > /proc/self/comm; echo; exec cat"]);
    await once(child.stdout, "data");
    assert.equal(readProcess(child.pid!)?.parent, process.pid);
    assert.ok(identify(child.pid!));
    child.kill("SIGKILL");
    await once(child, "exit");
  });
});
