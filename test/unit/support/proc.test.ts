import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  isAlive,
  isRootedIn,
  listProcesses,
  mountsBelow,
  proportionalMemory,
  readEnvironment,
  readProcess,
} from "../../support/proc.ts";

const NO_PROCESS = 0x7fff_fffe;

describe("proc", () => {
  it("reads a process: parent, name, arguments", () => {
    const facts = readProcess(process.pid);
    assert.equal(facts?.parent, process.ppid);
    assert.equal(facts.arguments[0], process.argv0);
    assert.ok(listProcesses().some(({ pid }) => pid === process.pid));
  });

  it("reads a name with brackets and blanks", async () => {
    const child = spawn("bash", ["-c", "printf 'a) b (c' > /proc/self/comm; echo ready; read"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    await once(child.stdout, "data");
    assert.equal(readProcess(child.pid ?? 0)?.name, "a) b (c");
    child.stdin.end();
    await once(child, "exit");
  });

  it("tells an ended process from a living one", async () => {
    const child = spawn("sleep", ["100"], { env: { MARK: "here" } });
    assert.equal(isAlive(child.pid ?? 0), true);
    assert.ok(readEnvironment(child.pid ?? 0).includes("MARK=here"));
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(isAlive(child.pid ?? 0), false);
  });

  it("says nothing about a process that does not exist", () => {
    assert.equal(readProcess(NO_PROCESS), undefined);
    assert.deepEqual(readEnvironment(NO_PROCESS), []);
    assert.equal(proportionalMemory(NO_PROCESS), 0);
    assert.equal(isRootedIn(NO_PROCESS, "/"), false);
  });

  it("measures memory", () => {
    assert.ok(proportionalMemory(process.pid) > 1 << 20);
  });

  it("finds mounts at and below a directory, deepest first", () => {
    const mounts = mountsBelow("/proc");
    assert.equal(mounts.at(-1), "/proc");
    assert.ok(mounts.every((path) => path === "/proc" || path.startsWith("/proc/")));
    assert.deepEqual(mountsBelow("/no/such/directory"), []);
  });
});
