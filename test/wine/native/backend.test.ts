/** The whole backend: what it holds beside compute systems is let go of with it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { vsockServiceId } from "../../../hcs/schema/hv-socket.ts";
import { Win32Backend } from "../../../hcs/win32/backend.ts";
import { callsInFlight } from "../../../hcs/win32/ffi/lane.ts";
import { hcsError } from "../../contract/under-test.ts";
import { until } from "../../support/until.ts";
import { THREAD_FILE } from "../control/commands.ts";
import { assertClean } from "./cleanliness.ts";
import { ask, PLATFORM } from "./rig.ts";

describe("Win32Backend", () => {
  beforeEach(() => ask("useScripted", { platform: PLATFORM, files: [] }));
  afterEach(assertClean);

  it("stops listening, and waiting for what jobs tell, when it is closed", async () => {
    const backend = new Win32Backend({ file: process.env[THREAD_FILE] ?? "" });
    const address = { vmId: randomUUID(), serviceId: vsockServiceId(1) };
    const listener = await backend.hvSocket.listen(address);
    const job = await backend.jobs.create({
      name: `job-${randomUUID()}`,
      ioTracking: false,
      notifications: true,
    });
    await until("the thread to wait for what jobs tell", () => callsInFlight().length === 1);
    const accepted = assert.rejects(
      listener.accept(),
      hcsError(() => true, "the listener is closed"),
    );

    await backend.close();
    await accepted;
    await until("nothing to be waited for", () => callsInFlight().length === 0);
    // The address is free again.
    await (await new Win32Backend({ file: process.env[THREAD_FILE] ?? "" }).hvSocket.listen(address)).close();
    await job.close();
  });
});
