/** Which process has a pid, by what Windows knows of it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { identify } from "../../../hcs/win32/process-identity.ts";
import { until } from "../../support/until.ts";

describe("identify", () => {
  it("tells this process from another, the same each time", () => {
    const own = identify(process.pid);
    assert.equal(own?.pid, process.pid);
    assert.deepEqual(identify(process.pid), own);
    const sinceStartMs = Date.now() + 11_644_473_600_000 - own.startTime;
    assert.ok(Math.abs(sinceStartMs - process.uptime() * 1000) < 10_000, `${sinceStartMs} ms ago`);
  });

  it("finds nobody where a process has ended, though its parent holds a handle to it", async () => {
    const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    const running = await until("the process to be there", () => identify(child.pid!));
    assert.equal(running.pid, child.pid);
    child.stdin.end();
    await once(child, "exit");
    await until("the process to be gone", () => identify(running.pid) === undefined);
  });

  it("finds nobody where there is no process", () => {
    assert.equal(identify(4_000_000), undefined);
  });
});
