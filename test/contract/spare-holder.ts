/** A process that has a worker booted ahead, for tests that kill it: `spare-holder.ts <JSON of SpareTraits>`. Prints one line then. */
import { SpareWorkers, type SpareTraits } from "../../hcs/emulator/systems/spare-workers.ts";

const traits = JSON.parse(process.argv[2] ?? "") as SpareTraits;
new SpareWorkers({ ...traits, idleMs: 600_000 }).prepare();
console.log("prepared");
// A spare keeps no process.
setInterval(() => undefined, 60_000);
