import assert from "node:assert/strict";
import type { ComputeSystem } from "../../../../../hcs/api.ts";
import { HcsError } from "../../../../../hcs/errors.ts";
import type { ComputeSystemDocument } from "../../../../../hcs/schema/compute-system.ts";
import type { PropertyQuery, SystemProperties } from "../../../../../hcs/schema/properties.ts";
import { vmUsage } from "../../../../../shim/pod/vm/usage.ts";

const WINDOWS = { statistics: "runhcs" } as const;
const NEVER = new AbortController().signal;
const ANSWER: SystemProperties = {
  Statistics: { Timestamp: "2025-01-02T03:04:05Z", Processor: { TotalRuntime100ns: 7 } },
  Memory: { VirtualNodeCount: 1, VirtualMachineMemory: { AssignedMemory: 512 } },
};

class AskedVm {
  readonly queries: PropertyQuery[] = [];
  readonly document: ComputeSystemDocument;
  isAlive = true;
  answer: () => SystemProperties = () => ANSWER;
  readonly system = {
    properties: async (query: PropertyQuery) => {
      this.queries.push(query);
      return this.answer();
    },
    workingSet: async () => 12_345,
  } as unknown as ComputeSystem;

  constructor(AllowOvercommit?: true) {
    const overcommit = AllowOvercommit === undefined ? {} : { AllowOvercommit };
    this.document = {
      Owner: "o",
      SchemaVersion: { Major: 2, Minor: 1 },
      VirtualMachine: { ComputeTopology: { Memory: { SizeInMB: 1024, ...overcommit } } },
    };
  }
}

describe("vmUsage", () => {
  it("asks HCS for statistics and memory in one query", async () => {
    const vm = new AskedVm(true);
    const usage = await vmUsage(vm, WINDOWS, NEVER);
    assert.deepEqual(vm.queries, [{ PropertyTypes: ["Statistics", "Memory"] }]);
    assert.deepEqual(
      { Statistics: usage?.Statistics, Memory: usage?.Memory },
      { Statistics: ANSWER.Statistics, Memory: ANSWER.Memory },
    );
  });

  it("has the working set of the VM's memory process where memory can be overcommitted", async () => {
    assert.equal((await vmUsage(new AskedVm(true), WINDOWS, NEVER))?.workingSetBytes, 12_345);
  });

  it("has all assigned pages as working set where memory is backed physically", async () => {
    assert.equal((await vmUsage(new AskedVm(), WINDOWS, NEVER))?.workingSetBytes, 512n * 4096n);
  });

  it("has no working set where the platform cannot tell", async () => {
    const vm = new AskedVm(true);
    delete vm.system.workingSet;
    assert.deepEqual(await vmUsage(vm, WINDOWS, NEVER), ANSWER);
  });

  it("is nothing, and nobody is asked, where clients read cgroup metrics or the VM has gone", async () => {
    const vm = new AskedVm(true);
    assert.equal(await vmUsage(vm, { statistics: "cgroups" }, NEVER), undefined);
    vm.isAlive = false;
    assert.equal(await vmUsage(vm, WINDOWS, NEVER), undefined);
    assert.deepEqual(vm.queries, []);
  });

  for (const hresult of [
    0x8037_010e, 0xc037_010e, 0x8007_0490, 0x8037_0105, 0xc037_0105, 0x8007_0005, 0x8007_0006, 0x8037_0110,
  ]) {
    it(`is nothing when the VM is on its way out: 0x${hresult.toString(16)}`, async () => {
      const vm = new AskedVm(true);
      vm.answer = () => {
        throw new HcsError({ operation: "query", hresult });
      };
      assert.equal(await vmUsage(vm, WINDOWS, NEVER), undefined);
    });
  }

  it("fails when the platform does", async () => {
    const vm = new AskedVm(true);
    vm.answer = () => {
      throw new HcsError({ operation: "query", hresult: 0x8000_4005 });
    };
    await assert.rejects(vmUsage(vm, WINDOWS, NEVER), { hresult: 0x8000_4005 });
  });
});
