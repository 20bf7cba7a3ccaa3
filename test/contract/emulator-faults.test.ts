/** Scripted faults hit where they are told to. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultAction, FaultOperation, FaultRule } from "../../hcs/emulator/faults.ts";
import { parseFaults } from "../../hcs/emulator/faults.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../hcs/schema/hv-socket.ts";
import { isTimeout } from "../../hcs/hresult.ts";
import { systemGone } from "./under-test.ts";
import { withBackend } from "./backend.ts";
import { emulatorFactory } from "./emulator-under-test.ts";
import { endSystem, hcsError } from "./under-test.ts";

withBackend("emulator: scripted faults", emulatorFactory, (under) => {
  const rule = (operation: FaultOperation, action: FaultAction, nth?: number): FaultRule =>
    nth === undefined ? { operation, action } : { operation, action, nth };

  it("fail the call they name, the nth time", async () => {
    const faults = parseFaults(
      '[{"operation":"properties","nth":2,"fail":"0x80370118","detail":"scripted"}]',
    );
    const { computeSystems } = under().another({ faults });
    const system = await computeSystems.create(under().systemId(), await under().document());
    await system.properties({});
    await assert.rejects(system.properties({}), hcsError(isTimeout, "scripted"));
    await system.properties({});
    await endSystem(system);
  });

  it("delay a call until a file exists", async () => {
    const file = join(under().directory, "go");
    const faults = parseFaults(JSON.stringify([{ operation: "start", delayUntil: file }]));
    const { computeSystems } = under().another({ faults });
    const system = await computeSystems.create(under().systemId(), await under().document());
    const started = system.start();
    assert.equal((await system.properties({})).State, "Created");
    writeFileSync(file, "");
    await started;
    assert.equal((await system.properties({})).State, "Running");
    await endSystem(system);
  });

  it("crash the VM at a call", async () => {
    const { computeSystems } = under().another({ faults: [rule("properties", { kind: "crash" })] });
    const system = await computeSystems.create(under().systemId(), await under().document());
    await Promise.allSettled([system.properties({})]);
    assert.equal((await system.exited).exitType, "UnexpectedExit");
    await system.close();
  });

  it("withhold the exit notification, and nothing else", async () => {
    const { computeSystems } = under().another({ faults: [rule("exit", { kind: "withhold" })] });
    const id = under().systemId();
    const system = await computeSystems.create(id, await under().document());
    let told = false;
    void system.exited.then(() => (told = true));
    await system.terminate();
    await systemGone(under().backend, id);
    await system.close();
    assert.equal(told, false);
  });

  it("reset the bridge", async () => {
    const serviceId = vsockServiceId(LINUX_GUEST_PORT.bridge);
    const backend = under().another({ faults: [rule("properties", { kind: "disconnect", serviceId }, 2)] });
    const system = await backend.computeSystems.create(under().systemId(), await under().document());
    const vmId = (await system.properties({})).RuntimeId!;
    const listener = await backend.hvSocket.listen({ vmId, serviceId });
    await system.start();
    const bridge = await listener.accept();
    const broken = once(bridge, "error");
    await system.properties({});
    const [error] = (await broken) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNRESET");
    // The guest comes back.
    (await listener.accept()).destroy();
    await endSystem(system);
    await backend.close();
  });

  it("can be given in the environment", () => {
    process.env["RUNHCS_EMULATOR_FAULTS"] = '[{"operation":"lunch","crash":true}]';
    try {
      assert.throws(() => under().another(), /cannot read fault script: rule 0: unknown operation "lunch"/);
    } finally {
      delete process.env["RUNHCS_EMULATOR_FAULTS"];
    }
  });
});
