/** That nothing grows with use, and that nothing keeps the program from ending. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ComputeSystem } from "../../../hcs/api.ts";
import { Win32ComputeSystems, type ComputeLibrary } from "../../../hcs/win32/compute/compute-systems.ts";
import { assertClean } from "../native/cleanliness.ts";
import { ask, PLATFORM } from "../native/rig.ts";

const DOCUMENT = { Owner: "test", SchemaVersion: { Major: 2, Minor: 1 } } as const;
/** Lives of systems, and lives of processes with all their streams in one system, in each of {@link ROUNDS}. */
const CYCLES = { systems: 200, processes: 40 } as const;
const ROUNDS = 5;
const AT_ONCE = 8;
/** What a round may leave behind by chance. V8 keeps room in its heap as it likes, so its room is not counted. */
const TOLERANCE = { handles: 2, heapBytes: 256 << 10, nativeBytes: 1 << 20 } as const;

/** Far less than for ever, on a busy machine too. */
const PROMPT_MS = 60_000;

type Footprint = Record<keyof typeof TOLERANCE, number>;

/** What this process has: handles, objects of JavaScript, and memory beside the JavaScript heap. */
async function footprint(): Promise<Footprint> {
  globalThis.gc?.();
  const [report] = await ask("report", process.pid);
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return {
    handles: report?.counts["processHandles"] ?? 0,
    heapBytes: heapUsed,
    nativeBytes: rss - heapTotal,
  };
}

/**
 * Runs rounds. Pools and caches grow in some of them; what is lost with every cycle grows in all. The first fills what is
 * empty at the start, and is not compared.
 */
async function requireNoGrowth(round: () => Promise<void>): Promise<void> {
  const footprints: Footprint[] = [];
  for (let number = 0; number < ROUNDS; number += 1) {
    await round();
    footprints.push(await footprint());
  }
  for (const what of ["handles", "heapBytes", "nativeBytes"] as const) {
    const sizes = footprints.map((footprint) => footprint[what]);
    const growth = sizes.slice(1).map((size, index) => size - (sizes[index] ?? 0));
    assert.ok(sizes.every((size) => size > 0));
    assert.ok(Math.min(...growth) <= TOLERANCE[what], `${what} after each round: ${sizes.join(", ")}`);
  }
}

async function liveSystem(systems: Win32ComputeSystems, id: string): Promise<void> {
  const system = await systems.create(id, DOCUMENT);
  await system.start();
  await system.properties({});
  await system.terminate();
  await system.exited;
  await system.close();
}

async function liveProcess(system: ComputeSystem): Promise<void> {
  const process = await system.createProcess({
    CommandLine: "a.exe",
    CreateStdInPipe: true,
    CreateStdOutPipe: true,
    CreateStdErrPipe: true,
  });
  const { stdin, stdout, stderr } = process.stdio;
  const closed = [stdin, stdout, stderr].map((stream) => new Promise((done) => stream!.once("close", done)));
  stdout!.resume();
  stderr!.resume();
  await process.terminate();
  await process.exited;
  stdin!.destroy();
  await Promise.all(closed);
  await process.close();
}

async function repeat(count: number, work: (index: number) => Promise<void>): Promise<void> {
  for (let done = 0; done < count; done += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => work(done + index)));
}

for (const library of ["computecore", "vmcompute"] as const) {
  describe(`${library}: endurance`, function () {
    this.timeout(300_000);
    beforeEach(() => ask("useScripted", { platform: PLATFORM, files: [] }));
    afterEach(assertClean);

    it(`needs no more handles and memory with each of ${ROUNDS * CYCLES.systems} systems`, async () => {
      const systems = new Win32ComputeSystems(library);
      await requireNoGrowth(() => repeat(CYCLES.systems, (index) => liveSystem(systems, `s${index}`)));
    });

    it(`needs no more handles and memory with each of ${ROUNDS * CYCLES.processes} processes`, async () => {
      const system = await new Win32ComputeSystems(library).create("web", DOCUMENT);
      await requireNoGrowth(() => repeat(CYCLES.processes, () => liveProcess(system)));
      await system.terminate();
      await system.exited;
      await system.close();
    });

    for (const [state, ending] of [
      ["a call that hangs", "hang"],
      ["a call whose completion is withheld", "withhold"],
    ] as const) {
      for (const way of ["process.exit", "the end of its work"] as const) {
        if (way === "the end of its work" && ending === "hang") continue;
        it(`lets a program with ${state} exit promptly by ${way}`, async () => {
          await ask("addFault", { function: "HcsStartComputeSystem", action: ending });
          const { status, milliseconds } = runProgram(library, way === "process.exit" ? "exit" : "return");
          assert.equal(status, way === "process.exit" ? 7 : 0);
          assert.ok(milliseconds < PROMPT_MS, `it took ${milliseconds} ms`);
          await ask("clearFaults");
        });
      }
    }
  });
}

const PROGRAM = join(process.env["RUNHCS_TEST_PROGRAMS"] ?? "", "pending-call.cjs");

/** Runs `programs/pending-call.ts` and measures how long it takes. */
function runProgram(
  library: ComputeLibrary,
  ending: string,
): { status: number | null; milliseconds: number } {
  const output = join(mkdtempSync(join(tmpdir(), "rig-")), "output");
  const file = openSync(output, "w");
  const started = performance.now();
  const { status } = spawnSync(process.execPath, [PROGRAM, library, ending], {
    stdio: ["ignore", file, file],
    timeout: 2 * PROMPT_MS,
  });
  closeSync(file);
  const said = readFileSync(output, "utf8");
  assert.match(said, /pending/, said);
  return { status, milliseconds: performance.now() - started };
}
