import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openLoggerPipes } from "../../../../shim/io/binary-pipes.ts";
import { STDIO_DEFAULTS } from "../../../../shim/io/stdio.ts";
import type { OpenContext, UpstreamStdio } from "../../../../shim/io/upstream.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { until } from "../../../support/until.ts";
import { happened, openOptions, requestOf, Workbench } from "./client.ts";

/** The Windows form, with unix sockets in place of named pipes. */
describe("openLoggerPipes", () => {
  let bench: Workbench;

  beforeEach(async () => {
    bench = await Workbench.make();
  });
  afterEach(() => bench.remove());

  /** A logger whose `body` has the three connections to its pipes, dialled in the order of `dials`. */
  const logger = async (body: string, dials = "STDOUT STDERR WAIT"): Promise<string> => {
    const path = join(bench.path, "logger");
    const source = `#!${process.execPath}
const fs = require("node:fs"), net = require("node:net"), { env } = process;
const save = (name) => fs.createWriteStream(${JSON.stringify(bench.path)} + "/" + name);
const dial = (name) => new Promise((resolve, reject) => {
  const socket = net.connect(env["CONTAINER_" + name], () => resolve(socket)).on("error", reject);
});
(async () => {
  const pipes = {};
  for (const name of ${JSON.stringify(dials)}.split(" ")) pipes[name] = await dial(name);
  ${body}
})();
`;
    await writeFile(path, source);
    await chmod(path, 0o755);
    return path;
  };
  const written = (name: string): Promise<string> => readFile(join(bench.path, name), "utf8");
  const open = (path: string, init: Partial<OpenContext> = {}): Promise<UpstreamStdio> =>
    openLoggerPipes(requestOf({ stdout: `binary://${path}`, execId: "probe" }), {
      ...openOptions(),
      // The path of the program is a unix one here: the transport decides how it is read, and only that.
      transport: "fifo",
      namedPipes: STDIO_DEFAULTS.namedPipes,
      loggers: { ...STDIO_DEFAULTS.loggers, pipePath: (name) => join(bench.path, name) },
      ...init,
    });

  it("serves both outputs, takes the closed wait pipe for readiness, and reports the pipes as paths", async () => {
    const path = await logger(`
      pipes.STDOUT.pipe(save("out")); pipes.STDERR.pipe(save("err"));
      save("environment").end(Object.keys(env).filter((key) => key.startsWith("CONTAINER_")).sort().join());
      pipes.WAIT.end();`);
    const upstream = await open(path);
    assert.deepEqual(upstream.paths, {
      stdin: "",
      stdout: join(bench.path, "binary-probe-stdout"),
      stderr: join(bench.path, "binary-probe-stderr"),
    });
    const big = Buffer.alloc(1 << 20, "0123456789abcdef");
    upstream.stdout!.end(big);
    upstream.stderr!.end("complaint");
    await Promise.all([happened(upstream.stdout!, "close"), happened(upstream.stderr!, "close")]);
    await upstream.close();
    assert.ok(big.equals(await readFile(join(bench.path, "out"))));
    assert.equal(await written("err"), "complaint");
    assert.equal(
      await written("environment"),
      "CONTAINER_ID,CONTAINER_NAMESPACE,CONTAINER_STDERR,CONTAINER_STDOUT,CONTAINER_WAIT",
    );
    assert.deepEqual(bench.openDescriptors(), []);
  });

  it("takes a byte on the wait pipe for readiness", async () => {
    const upstream = await open(
      await logger(`pipes.STDOUT.pipe(save("out")); pipes.STDERR.resume(); pipes.WAIT.write("x");`),
    );
    upstream.stdout!.end("hello");
    await happened(upstream.stdout!, "close");
    await upstream.close();
    assert.equal(await written("out"), "hello");
  });

  it("kills a logger that is ready but never dials an output", async () => {
    const clock = new ManualClock();
    const opening = open(await logger(`save("up").end("up"); pipes.WAIT.end();`, "STDOUT WAIT"), { clock });
    const refused = assert.rejects(opening, {
      name: "StdioError",
      fault: "unavailable",
      message: /: logger did not dial its output pipes: timed out after 10000 ms$/,
    });
    await until("the logger to be ready", () => written("up"));
    // The wait for readiness is over when the second deadline is the one that is left.
    await clock.advance(9_000);
    await until("the budget to run out", async () => {
      await clock.advance(1_000);
      return clock.pending.length === 0;
    });
    await refused;
  });

  it("fails when a pipe's name is taken", async () => {
    const path = await logger("");
    await writeFile(join(bench.path, "binary-probe-stderr"), "");
    await assert.rejects(open(path), { fault: "unavailable", message: /EADDRINUSE/ });
  });

  it("loses an output whose logger has gone", async () => {
    const upstream = await open(
      await logger(`pipes.STDERR.resume(); pipes.WAIT.end(); pipes.STDOUT.destroy();`),
    );
    await until("the output to be lost", () => upstream.stdout!.destroyed);
    await upstream.close();
  });
});
