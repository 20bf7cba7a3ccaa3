import assert from "node:assert/strict";
import { ShimError } from "../../../../shim/errors.ts";
import {
  EXEC_STATES,
  EXEC_TRANSITIONS,
  EXEC_VERDICTS,
  nextExecState,
  TASK_VERDICTS,
  type ExecEvent,
  type ExecState,
  type ExecVerb,
  type TaskVerb,
  type Verdict,
} from "../../../../shim/task/states.ts";
import { createDeferred } from "../../../../hcs/deferred.ts";
import { FakeTask } from "../../../support/fake-task.ts";
import { turnsOfTheLoop } from "../../../support/turns.ts";

/** A task whose init is in a state, and what to do so that calls which wait for the next one settle. */
async function initIn(state: ExecState): Promise<{ fake: FakeTask; release: () => void }> {
  const fake = new FakeTask({ terminal: true });
  const gate = createDeferred<void>();
  const steps: Readonly<Record<ExecState, () => Promise<void> | void>> = {
    created: () => undefined,
    starting: () => {
      fake.container.gate = gate.promise;
      void fake.task.start("");
    },
    running: async () => {
      await fake.task.start("");
    },
    draining: async () => {
      await steps.running();
      fake.process(0).exit(7);
    },
    exited: async () => {
      await steps.draining();
      fake.relay(0).finish();
      await fake.task.init.wait();
    },
  };
  await steps[state]();
  await turnsOfTheLoop();
  assert.equal(fake.task.init.state, state);
  return { fake, release: () => (state === "starting" ? gate.resolve() : fake.relays[0]?.finish()) };
}

/** How a call ends: `ok`, or the code it is refused with. */
async function outcome(call: Promise<unknown>): Promise<Verdict> {
  try {
    await call;
    return "ok";
  } catch (error) {
    if (error instanceof ShimError) return error.code;
    throw error;
  }
}

const EXEC_CALLS: Readonly<Record<ExecVerb, (fake: FakeTask) => Promise<unknown>>> = {
  start: ({ task }) => task.start(""),
  kill: ({ task }) => task.kill("", 15, false),
  delete: ({ task }) => task.delete(""),
  resize: ({ task }) => task.resize("", { height: 1, width: 2 }),
  closeIo: async ({ task }) => task.closeStdin(""),
  wait: async ({ task }) => void task.init.wait(),
  state: async ({ task }) => task.snapshot(""),
};

const TASK_CALLS: Readonly<Record<TaskVerb, (fake: FakeTask) => Promise<unknown>>> = {
  exec: (fake) => fake.addExec("probe"),
  pause: ({ task }) => task.pause(),
  resume: ({ task }) => task.pause().then(() => task.resume()),
  update: ({ task }) => task.update("LinuxResources", {}, {}),
  pids: ({ task }) => task.pids(),
  stats: ({ task }) => task.statistics(),
};

/**
 * Calls that meet `starting` wait for the start to succeed, so what they get is the verdict of `running`. All others see
 * the state they came in.
 */
const WAITS_FOR_START: ReadonlySet<string> = new Set(["start", "kill", "delete"]);

describe("EXEC_VERDICTS", () => {
  for (const verb of Object.keys(EXEC_CALLS) as ExecVerb[]) {
    for (const state of EXEC_STATES) {
      const met = state === "starting" && WAITS_FOR_START.has(verb) ? "running" : state;
      const expected = EXEC_VERDICTS[verb][met];
      it(`${verb} in state ${state} is ${expected}`, async () => {
        const { fake, release } = await initIn(state);
        using _fake = fake;
        const result = outcome(EXEC_CALLS[verb](fake));
        await turnsOfTheLoop();
        release();
        assert.equal(await result, expected);
      });
    }
  }
});

describe("TASK_VERDICTS", () => {
  for (const verb of Object.keys(TASK_CALLS) as TaskVerb[]) {
    for (const state of EXEC_STATES) {
      it(`${verb} in state ${state} is ${TASK_VERDICTS[verb][state]}`, async () => {
        const { fake, release } = await initIn(state);
        using _fake = fake;
        const result = outcome(TASK_CALLS[verb](fake));
        await turnsOfTheLoop();
        release();
        assert.equal(await result, TASK_VERDICTS[verb][state]);
      });
    }
  }
});

describe("nextExecState", () => {
  const EVENTS: readonly ExecEvent[] = ["start", "started", "failed", "processExited", "drained", "forced"];
  for (const state of EXEC_STATES) {
    for (const event of EVENTS) {
      const next = EXEC_TRANSITIONS[state][event];
      it(`${event} in ${state} ${next === undefined ? "is a defect" : `leads to ${next}`}`, () => {
        if (next === undefined) assert.throws(() => nextExecState(state, event), TypeError);
        else assert.equal(nextExecState(state, event), next);
      });
    }
  }

  it("leads from every state to exited", () => {
    for (const start of EXEC_STATES) {
      const reached = new Set<ExecState>([start]);
      for (const state of reached)
        for (const next of Object.values(EXEC_TRANSITIONS[state])) reached.add(next);
      assert.ok(reached.has("exited"), start);
    }
  });
});
