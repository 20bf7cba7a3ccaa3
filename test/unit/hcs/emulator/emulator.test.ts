import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createEmulator, EMULATED_BUILD } from "../../../../hcs/emulator/emulator.ts";
import { listSystems, reclaimOrphans, reclaimSystem } from "../../../../hcs/emulator/systems/reclaim.ts";

const workerEntry = { command: ["/opt/runhcs/worker"] };

describe("createEmulator", () => {
  it("touches nothing, and answers about its host", async () => {
    const emulator = createEmulator({ stateDirectory: "/tmp/rhc-never-made", workerEntry });
    assert.deepEqual(await emulator.computeSystems.enumerate(), []);
    const host = await emulator.host();
    assert.equal(host.build, EMULATED_BUILD);
    assert.deepEqual(host.linuxBootFiles, { directory: "/opt/runhcs", files: ["initrd.img", "kernel"] });
    assert.deepEqual(emulator.traits, {
      statistics: "cgroups",
      stdio: "fifo",
      paths: "posix",
      terminalStderr: "ignored",
      pause: true,
      guestSockets: "unix",
      pipePrefix: "/tmp/rhc-never-made/pipes/",
      terminatedExitCode: 137,
    });
    await emulator.close();
  });

  it("refuses a state directory that is too long where it really is", () => {
    const directory = mkdtempSync("/tmp/rhc-long-");
    try {
      const long = join(directory, "x".repeat(40));
      mkdirSync(long);
      symlinkSync(long, join(directory, "s"));
      assert.throws(
        () => createEmulator({ stateDirectory: join(directory, "s/state"), workerEntry }),
        /at most \d+ leave room/,
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("refuses a worker command without a path", () => {
    assert.throws(
      () => createEmulator({ workerEntry: { command: ["worker"] } }),
      /cannot use worker command/,
    );
  });
});

describe("reclaim", () => {
  it("loads nothing native: it is on the path of every deletion", () => {
    const load = (module: string): boolean => {
      const url = pathToFileURL(join(import.meta.dirname, "../../../../hcs", module)).href;
      const script = `await import("${url}"); console.log(require("fs").readFileSync("/proc/self/maps", "utf8"))`;
      const maps = execFileSync(
        process.execPath,
        ["--import", "tsx", "--input-type=commonjs", "-e", `(async () => { ${script} })()`],
        {
          encoding: "utf8",
          // What it counted would be of text that was translated otherwise.
          env: { ...process.env, NODE_V8_COVERAGE: undefined },
        },
      );
      return maps.includes("koffi");
    };
    assert.equal(load("emulator/systems/reclaim.ts"), false);
    assert.equal(load("emulator/emulator.ts"), true);
  });

  it("finds nothing where no emulator has been", async () => {
    assert.deepEqual(listSystems("/tmp/rhc-never-made"), []);
    assert.equal(await reclaimSystem("/tmp/rhc-never-made", "pod@vm"), false);
    assert.equal(await reclaimOrphans("/tmp/rhc-never-made"), 0);
  });
});
