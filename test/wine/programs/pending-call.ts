/**
 * A program that ends while a call of the compute service is pending: `pending-call LIBRARY exit|return`. With `exit` it asks Node to
 * exit with 7; with `return` it gives the call up and has nothing left to do.
 */
import { Win32ComputeSystems, type ComputeLibrary } from "../../../hcs/win32/compute/compute-systems.ts";
import { guardExit } from "../../../hcs/win32/ffi/exit.ts";
import { callsInFlight } from "../../../hcs/win32/ffi/lane.ts";
import { until } from "../../support/until.ts";

async function main([library, ending]: readonly string[]): Promise<void> {
  guardExit();
  const systems = new Win32ComputeSystems(library as ComputeLibrary);
  const system = await systems.create(`pending-${process.pid}`, {
    Owner: "test",
    SchemaVersion: { Major: 2, Minor: 1 },
  });
  const giveUp = new AbortController();
  const started = system.start({ signal: giveUp.signal });
  started.catch(() => undefined);
  // The native call is entered in the same turn.
  console.log(
    "pending:",
    callsInFlight()
      .map(({ name }) => name)
      .join(", "),
  );
  if (ending === "exit") process.exit(7);
  // Returned, and its completion is to come.
  await until("the native call to return", () => callsInFlight().length === 0);
  giveUp.abort(new Error("no patience"));
  await started.catch(() => undefined);
  await system.close();
}

void main(process.argv.slice(2));
