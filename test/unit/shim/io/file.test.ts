import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStdio } from "../../../../shim/io/stdio.ts";
import { happened, openOptions, requestOf, Workbench } from "./client.ts";

describe("openLogFile", () => {
  let bench: Workbench;

  beforeEach(async () => {
    bench = await Workbench.make();
  });
  afterEach(() => bench.remove());

  it("appends both outputs to one file, whose directories it makes", async () => {
    const path = join(bench.path, "a", "b", "web.log");
    const upstream = await openStdio(requestOf({ stdout: `file://${path}` }), openOptions());
    assert.equal(upstream.stdin, undefined);
    upstream.stdout!.end("out\n");
    await happened(upstream.stdout!, "close");
    upstream.stderr!.end("err\n");
    await happened(upstream.stderr!, "close");
    await upstream.close();
    assert.equal(await readFile(path, "utf8"), "out\nerr\n");
    assert.equal((await stat(path)).mode & 0o777, 0o644);
    assert.equal((await stat(join(bench.path, "a"))).mode & 0o777, 0o755);
  });

  it("keeps what is in the file", async () => {
    const path = join(bench.path, "web log");
    await writeFile(path, "before\n");
    const upstream = await openStdio(requestOf({ stdout: `file://${bench.path}/web%20log` }), openOptions());
    upstream.stdout!.end("after\n");
    await happened(upstream.stdout!, "close");
    await upstream.close();
    assert.equal(await readFile(path, "utf8"), "before\nafter\n");
    assert.deepEqual(bench.openDescriptors(), []);
  });

  it("has one output for a terminal", async () => {
    const upstream = await openStdio(
      requestOf({ stdout: `file://${bench.path}/log`, terminal: true }),
      openOptions(),
    );
    assert.equal(upstream.stderr, undefined);
    await upstream.close();
  });

  const refused: [value: string, fault: string][] = [
    ["file://host/x", "invalid"],
    ["file://", "invalid"],
    ["file:///", "invalid"],
    ["file:x", "invalid"],
    ["file:///proc/nowhere/x", "unavailable"],
    ["file:///dev/null/x", "unavailable"],
  ];
  for (const [value, fault] of refused) {
    it(`refuses "${value}"`, async () => {
      await assert.rejects(openStdio(requestOf({ stdout: value }), openOptions()), {
        name: "StdioError",
        field: "stdout",
        fault,
      });
    });
  }
});
