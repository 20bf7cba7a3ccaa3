/** Output to a logging program (`binary://`) by named pipes, as on Windows. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../shim/clock.ts";
import { openStdio } from "../../../shim/io/stdio.ts";
import type { UpstreamStdio } from "../../../shim/io/upstream.ts";

const LOGGER = join(process.env["RUNHCS_TEST_PROGRAMS"] ?? "", "logger.cjs");

/** A busy machine takes its time. */
const BUDGETS = { readyMs: 60_000, exitMs: 60_000, terminateMs: 60_000 } as const;

describe("loggers by named pipes", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "logger-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function open(): Promise<UpstreamStdio> {
    const uri = new URL(`binary:///${process.execPath.replaceAll("\\", "/")}`);
    uri.search = new URLSearchParams({ [LOGGER]: directory }).toString();
    return openStdio(
      {
        stdin: "",
        stdout: uri.href,
        stderr: uri.href,
        terminal: false,
        namespace: "tests",
        containerId: "web",
      },
      { signal: AbortSignal.timeout(60_000), clock: systemClock, transport: "named-pipe", loggers: BUDGETS },
    );
  }

  it("get both outputs, to their ends", async () => {
    const upstream = await open();
    const big = Buffer.alloc(1 << 20, "0123456789abcdef");
    upstream.stdout!.end(big);
    upstream.stderr!.end("complaint");
    await Promise.all([once(upstream.stdout!, "close"), once(upstream.stderr!, "close")]);
    await upstream.close();
    assert.ok(big.equals(readFileSync(join(directory, "out"))));
    assert.equal(readFileSync(join(directory, "err"), "utf8"), "complaint");
  });
});
