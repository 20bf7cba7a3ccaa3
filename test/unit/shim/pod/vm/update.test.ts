import assert from "node:assert/strict";
import type { SpecWarning } from "../../../../../oci/errors.ts";
import { updateVm, type VmUpdate } from "../../../../../shim/pod/vm/update.ts";
import { FakeUvm } from "../../../../support/fake-uvm.ts";

const NEVER = new AbortController().signal;
const TOPOLOGY = "VirtualMachine/ComputeTopology/";
const GROUP = "io.microsoft.virtualmachine.cpugroup.id";

async function update(change: Partial<VmUpdate>, build = 20_348) {
  const uvm = new FakeUvm();
  const warnings: SpecWarning[] = [];
  const target = {
    uvm: uvm.view,
    build,
    warn: (found: readonly SpecWarning[]) => void warnings.push(...found),
  };
  await updateVm(target, { kind: "WindowsResources", resources: {}, annotations: {}, ...change }, NEVER);
  return { calls: uvm.calls, warnings: warnings.map(({ kind }) => kind) };
}

describe("updateVm", () => {
  it("sets memory to an even size, and says when that is another one", async () => {
    const { calls, warnings } = await update({ resources: { memory: { limit: 1_074_790_400 } } });
    assert.deepEqual(calls, [`Set ${TOPOLOGY}Memory/SizeInMB 1026`]);
    assert.deepEqual(warnings, ["memory-aligned-to-even-MB"]);
  });

  it("changes no memory without a limit", async () => {
    assert.deepEqual((await update({ resources: { memory: {} } })).calls, []);
  });

  it("sets both processor limits at once, those of a Linux spec too", async () => {
    const windows = await update({ resources: { cpu: { maximum: 20_000, shares: 80 } } });
    assert.deepEqual(windows.calls, [`Set ${TOPOLOGY}Processor/Limits {"Limit":20000,"Weight":80}`]);
    const linux = await update({ kind: "LinuxResources", resources: { cpu: { quota: 5 } } });
    assert.deepEqual(linux.calls, [`Set ${TOPOLOGY}Processor/Limits {"Limit":5}`]);
  });

  it("moves the VM to another CPU group last", async () => {
    const { calls } = await update({ resources: { cpu: {} }, annotations: { [GROUP]: "g" } });
    assert.deepEqual(calls, [
      `Set ${TOPOLOGY}Processor/Limits {}`,
      `Set ${TOPOLOGY}Processor/CpuGroup {"Id":"g"}`,
    ]);
  });

  it("hands a policy fragment to the guest and looks at nothing else", async () => {
    const resources = { fragment: "Zg==", mediaType: "application/x" };
    const { calls } = await update({ kind: "PolicyFragment", resources, annotations: { [GROUP]: "" } });
    assert.deepEqual(calls, [
      'guest Add SecurityPolicyFragment {"Fragment":"Zg==","MediaType":"application/x"}',
    ]);
  });

  it("changes nothing when a part of it is refused", async () => {
    const resources = { memory: { limit: 2 ** 30 }, cpu: { maximum: 1 } };
    await assert.rejects(update({ resources }, 19_041), { code: "UNSUPPORTED" });
    await assert.rejects(update({ resources, annotations: { [GROUP]: "" } }), { name: "SpecError" });
    await assert.rejects(update({ kind: "ContainerMount", resources }), { name: "SpecError" });
  });
});
