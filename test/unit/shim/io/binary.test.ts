import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStdio } from "../../../../shim/io/stdio.ts";
import { STDIO_CHANNEL, type StdioEvent } from "../../../../shim/io/diagnostics.ts";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { ManualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";
import { happened, openOptions, requestOf, Workbench } from "./client.ts";

describe("openLogger on Linux", () => {
  let bench: Workbench;

  beforeEach(async () => {
    bench = await Workbench.make();
  });
  afterEach(() => bench.remove());

  const logger = async (...lines: string[]): Promise<string> => {
    const path = join(bench.path, "logger");
    await writeFile(path, ["#!/bin/sh", `cd "${bench.path}"`, ...lines, ""].join("\n"));
    await chmod(path, 0o755);
    return path;
  };
  const written = (name: string): Promise<string> => readFile(join(bench.path, name), "utf8");

  it("gives the logger stdout on 3 and stderr on 4, and waits for its byte on 5", async () => {
    const path = await logger("printf x >&5; exec 5>&-", "cat <&3 >out & cat <&4 >err & wait");
    const upstream = await openStdio(requestOf({ stdout: `binary://${path}` }), openOptions());
    assert.equal(upstream.stdin, undefined);
    const big = Buffer.alloc(1 << 20, "0123456789abcdef");
    upstream.stdout!.end(big);
    upstream.stderr!.end("complaint\n");
    await Promise.all([happened(upstream.stdout!, "close"), happened(upstream.stderr!, "close")]);
    await upstream.close();
    assert.ok(big.equals(await readFile(join(bench.path, "out"))));
    assert.equal(await written("err"), "complaint\n");
  });

  it("gives it the query as arguments and only its container in the environment", async () => {
    const path = await logger(
      'printf "%s|" "$@" >args',
      "env >environment",
      "exec 5>&-",
      "cat <&3 >/dev/null",
    );
    const upstream = await openStdio(
      requestOf({ stdout: `binary://${path}?--level=2%203&-v&x=`, execId: "probe", namespace: "k8s.io" }),
      openOptions(),
    );
    upstream.stdout!.end();
    await upstream.close();
    assert.equal(await written("args"), "--level|2 3|-v|x|");
    // PWD, OLDPWD and _ are the shell's own; Node adds the last one while coverage is measured.
    const ours = (await written("environment"))
      .split("\n")
      .filter((line) => !/^(PWD|OLDPWD|_|SHLVL|NODE_V8_COVERAGE)?(=|$)/.test(line));
    assert.deepEqual(ours.sort(), ["CONTAINER_ID=probe", "CONTAINER_NAMESPACE=k8s.io"]);
  });

  it("lets the logger reopen its descriptors by name: they are pipes", async () => {
    const path = await logger("exec 5>&-", "cat /proc/self/fd/3 >out");
    const upstream = await openStdio(requestOf({ stdout: `binary://${path}` }), openOptions());
    upstream.stdout!.end("reopened");
    await upstream.close();
    assert.equal(await written("out"), "reopened");
  });

  it("takes a closed ready pipe for readiness", async () => {
    const path = await logger("exec 5>&-", "cat <&3 >out");
    const upstream = await openStdio(requestOf({ stdout: `binary://${path}` }), openOptions());
    upstream.stdout!.end("x");
    await upstream.close();
    assert.equal(await written("out"), "x");
  });

  it("wants a byte from a binary-v2 logger", async () => {
    const path = await logger("exec 5>&-", "cat <&3 >out");
    await assert.rejects(openStdio(requestOf({ stdout: `binary-v2://${path}` }), openOptions()), {
      name: "StdioError",
      fault: "unavailable",
      message: /: logger closed its ready pipe without confirming/,
    });
    assert.deepEqual(bench.openDescriptors(), []);
  });

  it("says so when the logger does not exist", async () => {
    await assert.rejects(openStdio(requestOf({ stdout: "binary:///nowhere/logger" }), openOptions()), {
      fault: "unavailable",
      message:
        /^cannot open stdout "binary:\/\/\/nowhere\/logger": cannot run logger: spawn \/nowhere\/logger ENOENT$/,
    });
  });

  it("kills a logger that does not become ready in time", async () => {
    const clock = new ManualClock();
    const path = await logger('echo "$$" >pid', "exec sleep 1000");
    const opening = openStdio(
      requestOf({ stdout: `binary://${path}` }),
      openOptions({ clock, loggers: { readyMs: 10_000 } }),
    );
    const pid = Number(await until("the logger to run", async () => (await written("pid")).trim()));
    const refused = assert.rejects(opening, {
      fault: "timeout",
      message: /: logger did not become ready: timed out after 10000 ms$/,
    });
    await clock.advance(10_000);
    await refused;
    await until("the logger to be gone", () => !isRunning(pid));
  });

  it("kills the logger when the opening is called off", async () => {
    const budget = new AbortController();
    const path = await logger('echo "$$" >pid', "exec sleep 1000");
    const opening = openStdio(
      requestOf({ stdout: `binary://${path}` }),
      openOptions({ signal: budget.signal }),
    );
    const pid = Number(await until("the logger to run", async () => (await written("pid")).trim()));
    budget.abort(new Error("create ran out of time"));
    await assert.rejects(opening, /create ran out of time/);
    await until("the logger to be gone", () => !isRunning(pid));
  });

  it("asks a logger that does not end by itself, and kills one that does not listen", async () => {
    const clock = new ManualClock();
    bench.fifo("idle");
    const path = await logger(
      "trap 'echo asked >>signals' TERM",
      "exec 5>&-",
      "echo up >signals",
      // Nobody ever writes to this. A signal interrupts the wait, not the loop.
      "while :; do read -r line <>idle; done",
    );
    const upstream = await openStdio(
      requestOf({ stdout: `binary://${path}` }),
      openOptions({ clock, loggers: { exitMs: 2_000, terminateMs: 12_000 } }),
    );
    await until("the logger to run", async () => (await written("signals")) === "up\n");
    const closing = upstream.close();
    assert.equal(await clock.nextTimer(), 2_000);
    await clock.advance(2_000);
    await until("the logger to be asked", async () => (await written("signals")) === "up\nasked\n");
    assert.equal(await clock.nextTimer(), 12_000);
    await clock.advance(12_000);
    await closing;
    assert.deepEqual(clock.pending, []);
  });

  it("closes a second time without harm, and only once", async () => {
    const path = await logger("exec 5>&-", "cat <&3 >out");
    const upstream = await openStdio(requestOf({ stdout: `binary://${path}` }), openOptions());
    await Promise.all([upstream.close(), upstream.close()]);
  });

  it("reports a logger that ends before its container, whose output then fails", async () => {
    const events: StdioEvent[] = [];
    const listen = (message: unknown): void => void events.push(message as StdioEvent);
    subscribe(STDIO_CHANNEL, listen);
    try {
      const path = await logger("exec 5>&-", "exit 3");
      const upstream = await openStdio(requestOf({ stdout: `binary://${path}` }), openOptions());
      await until("the report", () => events.length > 0);
      assert.match(String(events[0]!.error), /ended before its container: exit status 3$/);
      assert.deepEqual([events[0]!.event, events[0]!.containerId], ["logger-ended", "web"]);
      const failed = happened(upstream.stdout!, "error");
      upstream.stdout!.write("x");
      await failed;
      await upstream.close();
    } finally {
      unsubscribe(STDIO_CHANNEL, listen);
    }
  });

  it("has one output for a terminal; the logger sees the end of the other at once", async () => {
    const path = await logger("exec 5>&-", "cat <&4 >err; echo ended >>err", "cat <&3 >out");
    const upstream = await openStdio(
      requestOf({ stdout: `binary://${path}`, terminal: true }),
      openOptions(),
    );
    assert.equal(upstream.stderr, undefined);
    await until("the end of stderr", async () => (await written("err")) === "ended\n");
    upstream.stdout!.end("screen");
    await upstream.close();
    assert.equal(await written("out"), "screen");
  });

  for (const value of [
    "binary://",
    "binary:logger",
    "binary://host/logger",
    "binary:///%zz",
    "binary:///a%00b",
    "binary:///a?b=%00",
  ]) {
    it(`refuses "${value}"`, async () => {
      await assert.rejects(openStdio(requestOf({ stdout: value }), openOptions()), { fault: "invalid" });
    });
  }
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
