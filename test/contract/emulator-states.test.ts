/** Every operation in every state it is not for, from the table that the code reads. */
import assert from "node:assert/strict";
import type { ComputeSystem, ComputeSystemState } from "../../hcs/api.ts";
import { OPERATIONS, type SystemOperation } from "../../hcs/emulator/systems/states.ts";
import { isAlreadyStopped, isInvalidState } from "../../hcs/hresult.ts";
import { MEMORY_SIZE } from "../../hcs/schema/modify.ts";
import { withBackend } from "./backend.ts";
import { emulatorFactory } from "./emulator-under-test.ts";
import { createSystem, endSystem, hcsError } from "./under-test.ts";

const STATES: readonly ComputeSystemState[] = ["Created", "Running", "Paused", "Stopped"];

/** Brings a created system into a state. */
const ENTER: Readonly<Record<ComputeSystemState, (system: ComputeSystem) => Promise<unknown>>> = {
  Created: () => Promise.resolve(),
  Running: (system) => system.start(),
  Paused: (system) => system.start().then(() => system.pause()),
  Stopped: (system) => system.terminate().then(() => system.exited),
};

const CALL: Readonly<Record<SystemOperation, (system: ComputeSystem) => Promise<unknown>>> = {
  start: (system) => system.start(),
  shutdown: (system) => system.shutdown(),
  createProcess: (system) => system.createProcess({ CommandLine: "cmd" }),
  openProcess: (system) => system.openProcess(1),
  terminate: (system) => system.terminate(),
  pause: (system) => system.pause(),
  resume: (system) => system.resume(),
  modify: (system) => system.modify({ ResourcePath: MEMORY_SIZE, Settings: 512 }),
  properties: (system) => system.properties({}),
  pauseHosted: (system) => system.pauseHosted!("container"),
  resumeHosted: (system) => system.resumeHosted!("container"),
};

withBackend("emulator: operations in the wrong state", emulatorFactory, (under) => {
  for (const state of STATES) {
    const refused = (Object.keys(OPERATIONS) as SystemOperation[]).filter(
      (operation) => !OPERATIONS[operation].from.includes(state),
    );
    it(`${state}: ${refused.join(", ")}`, async () => {
      const system = await createSystem(under());
      await ENTER[state](system);
      for (const operation of refused) {
        const wanted = state === "Stopped" ? isAlreadyStopped : isInvalidState;
        const { phrase } = OPERATIONS[operation];
        await assert.rejects(
          CALL[operation](system),
          hcsError(wanted, `cannot ${phrase} "${system.id}"`, `compute system is in state ${state}`),
        );
      }
      await endSystem(system);
    });
  }
});
