/**
 * A life of a pod in a process of its own, which is killed as by SIGKILL when it reaches a step.
 * Arguments: JSON of {@link VictimOrder}. Exits with 0 only when the step was never reached.
 */
import { createEmulator } from "../../hcs/emulator/emulator.ts";
import { describePlace, type Place, type Places } from "./pod-life.ts";
import { PodScenario } from "./pod-scenario.ts";
import { ShimUnderTest } from "./shim-under-test.ts";

export interface VictimOrder {
  readonly place: Place;
  readonly places: Places;
  readonly emulatorState: string;
  readonly workerCommand: readonly string[];
}

const order = JSON.parse(process.argv[2] ?? "") as VictimOrder;
const shim = await ShimUnderTest.create({
  backend: createEmulator({
    stateDirectory: order.emulatorState,
    workerEntry: { command: order.workerCommand },
  }),
  stateDirectory: order.places.shimState,
  around: (step, work) => {
    if (describePlace(step) === describePlace(order.place)) process.kill(process.pid, "SIGKILL");
    return work(step.signal);
  },
});
await new PodScenario({ client: shim.client, ...order.places }).run();
await shim.close();
