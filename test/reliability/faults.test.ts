import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { HcsError } from "../../hcs/errors.ts";
import { HRESULT } from "../../hcs/hresult-table.ts";
import { findSystem } from "../../hcs/emulator/systems/reclaim.ts";
import type { PhaseStep } from "../../shim/phases/phases.ts";
import { PHASES, type PhaseName } from "../../shim/phases/table.ts";
import { emulatorObstacle } from "../contract/emulator-under-test.ts";
import { describePlace, PodLife, recordPlaces, type Place } from "../support/pod-life.ts";
import { BRIEF, POD, SIBLING, VICTIM } from "../support/pod-scenario.ts";
import type { ShimUnderTest } from "../support/shim-under-test.ts";

/** Phases that are not part of a pod's life: those of the process, and waits that only happen when something fails. */
const ELSEWHERE: ReadonlySet<PhaseName> = new Set([
  "shim-start",
  "leftovers",
  // Of the node's keeper, in which shims may live.
  "keeper-start",
  "first-create",
  "shutdown-flush",
  "container-terminate",
  // Of containers that are jobs of the host.
  "job-shutdown",
  "crash-notice",
  "stacks",
]);

/** A fault that is put into one step: what it does before the step's own work. */
interface Fault {
  readonly name: string;
  /** It takes the whole pod with it. */
  readonly hitsPod: boolean;
  strike(run: PodLife, step: PhaseStep): Promise<void>;
}

const FAULTS: readonly Fault[] = [
  {
    name: "fails",
    hitsPod: false,
    strike: () =>
      Promise.reject(
        new HcsError({ operation: "do", target: "what the test stops", hresult: HRESULT.failed }),
      ),
  },
  {
    name: "never ends: its budget runs out",
    hitsPod: false,
    strike: async ({ shim }, { signal }) => {
      shim.clock.expireNewest();
      await new Promise((_, reject) => {
        if (signal.aborted) reject(signal.reason as Error);
        else signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
    },
  },
  {
    name: "sees its VM crash",
    hitsPod: true,
    strike: async ({ under }) => {
      const worker = findSystem(under.stateDirectory, `${POD}@vm`)?.worker.pid;
      if (worker !== undefined) process.kill(worker, "SIGKILL");
    },
  },
  {
    name: "sees the guest connection break",
    hitsPod: true,
    strike: async ({ shim }) => shim.dropBridges(),
  },
];

describe("every step of a pod's life", function () {
  this.timeout(120_000);
  let places: readonly Place[] = [];

  before(async function () {
    const obstacle = emulatorObstacle();
    if (obstacle !== undefined) {
      console.log(`      skipped: ${obstacle}`);
      this.skip();
    }
    places = await recordPlaces();
  });

  for (const phase of Object.keys(PHASES) as PhaseName[]) {
    if (ELSEWHERE.has(phase)) continue;
    for (const fault of FAULTS) {
      it(`${phase} ${fault.name}`, async () => {
        const here = places.filter((place) => place.phase === phase);
        assert.ok(here.length > 0, "the life of the pod has no such step");
        await Promise.all(here.map((place) => suffer(fault, place)));
      });
    }
  }
});

/** Lists of what was left behind can be long. */
const LONGEST_PROBLEM = 1000;

/** The fault strikes once, at the first time the place is reached. */
async function suffer(fault: Fault, place: Place): Promise<void> {
  let struck = false;
  const run = await PodLife.create((current) => async (step, work) => {
    if (!struck && describePlace(step) === describePlace(place)) {
      struck = true;
      await fault.strike(current(), step);
    }
    return work(step.signal);
  });
  const { scenario, shim } = run;
  const problems: string[] = [];
  const check = async (look: () => void | Promise<void>): Promise<void> => {
    try {
      await look();
    } catch (error) {
      problems.push(error instanceof Error ? error.message.slice(0, LONGEST_PROBLEM) : String(error));
    }
  };
  await check(() =>
    scenario.run(async () => {
      if (fault.hitsPod || place.task !== VICTIM) return;
      assert.equal(await scenario.execute(SIBLING, "still", ["true"]), 0, "the sibling is not what it was");
    }),
  );
  await check(() => assert.ok(struck, "the step was not reached"));
  await check(() => assert.deepEqual(scenario.unanswered(), []));
  await check(() => checkEvents(shim));
  await check(() => assert.equal(existsSync(run.shimState), false, "journals are left"));
  await check(() => run.end());
  const answers = scenario.answers.map(({ call, error }) => `${call}: ${error?.message ?? "ok"}`);
  assert.deepEqual(problems, [], `${describePlace(place)}\n${problems.join("\n")}\n${answers.join("\n")}`);
}

/** Each exit once, after the start and before the deletion; nothing that started without an exit. */
function checkEvents({ events }: ShimUnderTest): void {
  const order = events.map(({ name, container, process }) => `${name} ${container} ${process}`);
  assert.deepEqual(order, [...new Set(order)], "an event came twice");
  for (const id of [POD, SIBLING, VICTIM, BRIEF]) {
    const names = events
      .filter(({ container, process }) => container === id && (process === "" || process === id))
      .map(({ name }) => name)
      .filter((name) => ["TaskStart", "TaskExit", "TaskDelete"].includes(name));
    const wanted = ["TaskStart", "TaskExit", "TaskDelete"].filter((name) => names.includes(name));
    assert.deepEqual(names, wanted, `events of "${id}" are out of order`);
    if (names.includes("TaskStart")) assert.ok(names.includes("TaskExit"), `"${id}" started and has no exit`);
  }
}
