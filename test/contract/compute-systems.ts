/** Contract: the life of compute systems, seen through one handle and through several. */
import assert from "node:assert/strict";
import {
  isAlreadyExists,
  isAlreadyStopped,
  isHcs,
  isInvalidState,
  isNotFound,
  isNotSupported,
} from "../../hcs/hresult.ts";
import { HRESULT } from "../../hcs/hresult-table.ts";
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";
import { createSystem, endSystem, hcsError, systemGone, type BackendUnderTest } from "./under-test.ts";

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isInvalidJson = (error: unknown): boolean =>
  isHcs((error as { hresult: number }).hresult, HRESULT.invalidJson & 0xffff);
const isClosedHandle = (error: unknown): boolean => (error as { hresult: number }).hresult === 0x8007_0006;

export function computeSystemContract(under: () => BackendUnderTest): void {
  describe("create", () => {
    it("makes a system that has a runtime id and is not started", async () => {
      const system = await createSystem(under(), { Owner: "contract" });
      const properties = await system.properties({});
      assert.match(properties.RuntimeId ?? "", GUID);
      assert.deepEqual(
        { ...properties, RuntimeId: "" },
        {
          SystemType: "VirtualMachine",
          RuntimeOsType: "Linux",
          Owner: "contract",
          RuntimeId: "",
          State: "Created",
        },
      );
      await endSystem(system);
    });

    it("refuses an id that is in use, and leaves the system that has it alone", async () => {
      const { backend } = under();
      const id = under().systemId();
      const document = await under().document();
      const system = await backend.computeSystems.create(id, document);
      const again = backend.computeSystems.create(id, document);
      await assert.rejects(again, hcsError(isAlreadyExists, `create compute system "${id}"`));
      await assert.rejects(under().another().computeSystems.create(id, document), hcsError(isAlreadyExists));
      assert.equal((await system.properties({})).State, "Created");
      await endSystem(system);
    });

    it("gives an id again that has become free", async () => {
      const { backend } = under();
      const id = under().systemId();
      const runtimeIds: (string | undefined)[] = [];
      for (let round = 0; round < 3; round++) {
        const system = await backend.computeSystems.create(id, await under().document());
        runtimeIds.push((await system.properties({})).RuntimeId);
        await endSystem(system);
      }
      assert.equal(new Set(runtimeIds).size, 3);
    });

    it("gives an id to one of those who ask at the same time", async () => {
      const id = under().systemId();
      const document = await under().document();
      const backends = [under().backend, under().another(), under().backend, under().another()];
      const outcomes = await Promise.allSettled(
        backends.map((backend) => backend.computeSystems.create(id, document)),
      );
      const made = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      assert.equal(made.length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") hcsError(isAlreadyExists)(outcome.reason as never);
      }
      await endSystem(made[0]!);
    });

    it("refuses a document that breaks the schema, naming the place", async () => {
      const { backend } = under();
      const good = await under().document();
      const machine = good.VirtualMachine!;
      const cases: readonly (readonly [unknown, string])[] = [
        [{ ...good, Surprise: 1 }, "/Surprise is not a known member: 1"],
        [{ ...good, SchemaVersion: undefined }, "/SchemaVersion is required"],
        [{ ...good, SchemaVersion: { Major: 3 } }, "/SchemaVersion"],
        [
          { ...good, ShouldTerminateOnLastHandleClosed: "yes" },
          '/ShouldTerminateOnLastHandleClosed must be a boolean: "yes"',
        ],
        [
          { ...good, VirtualMachine: { ...machine, StopOnReset: 1 } },
          "/VirtualMachine/StopOnReset must be a boolean: 1",
        ],
        [
          { ...good, VirtualMachine: { ...machine, Devices: { Floppy: {} } } },
          "/VirtualMachine/Devices/Floppy",
        ],
      ];
      for (const [document, part] of cases) {
        const made = backend.computeSystems.create(under().systemId(), document as ComputeSystemDocument);
        await assert.rejects(made, hcsError(isInvalidJson, part));
      }
      assert.deepEqual(await backend.computeSystems.enumerate(), []);
    });

    it("refuses a kernel that is not there", async () => {
      const document = await under().document();
      document.VirtualMachine!.Chipset!.LinuxKernelDirect!.KernelFilePath = "/nowhere/vmlinux";
      const made = under().backend.computeSystems.create(under().systemId(), document);
      await assert.rejects(made, hcsError(isNotFound, "/nowhere/vmlinux"));
    });

    it("does nothing when its signal has fired before", async () => {
      const { backend } = under();
      const reason = new Error("changed my mind");
      const options = { signal: AbortSignal.abort(reason) };
      const made = backend.computeSystems.create(under().systemId(), await under().document(), options);
      await assert.rejects(made, reason);
      assert.deepEqual(await backend.computeSystems.enumerate(), []);
    });
  });

  describe("open", () => {
    it("fails for a system that does not exist", async () => {
      const opened = under().backend.computeSystems.open("nobody@vm");
      await assert.rejects(opened, hcsError(isNotFound, 'open compute system "nobody@vm"'));
    });

    it("gives a handle that does everything the creator's does", async () => {
      const created = await createSystem(under());
      const opened = await under().another().computeSystems.open(created.id);
      assert.deepEqual(await opened.properties({}), await created.properties({}));
      await opened.start();
      assert.equal((await created.properties({})).State, "Running");
      await opened.terminate();
      assert.equal((await created.exited).exitType, "ForcedExit");
      assert.equal((await opened.exited).exitType, "ForcedExit");
      await Promise.all([opened.close(), created.close()]);
    });

    it("fails for a system that has ended", async () => {
      const system = await createSystem(under());
      await endSystem(system);
      await assert.rejects(under().another().computeSystems.open(system.id), hcsError(isNotFound));
    });
  });

  describe("enumerate", () => {
    it("lists systems with their states, all or by id or owner", async () => {
      const { backend } = under();
      const one = await createSystem(under(), { Owner: "one" });
      const two = await createSystem(under(), { Owner: "two" });
      await two.start();
      const second = under().another().computeSystems;
      const listed = await second.enumerate();
      assert.deepEqual(
        listed
          .map(({ id, owner, systemType, state }) => ({ id, owner, systemType, state }))
          .sort((a, b) => a.owner.localeCompare(b.owner)),
        [
          { id: one.id, owner: "one", systemType: "VirtualMachine", state: "Created" },
          { id: two.id, owner: "two", systemType: "VirtualMachine", state: "Running" },
        ],
      );
      const ids = async (query: object): Promise<string[]> =>
        (await backend.computeSystems.enumerate(query)).map(({ id }) => id);
      assert.deepEqual(await ids({ owners: ["two"] }), [two.id]);
      assert.deepEqual(await ids({ ids: [one.id, "nobody"] }), [one.id]);
      assert.deepEqual(await ids({ ids: [one.id], owners: ["two"] }), []);
      await Promise.all([endSystem(one), endSystem(two)]);
    });
  });

  describe("start", () => {
    it("starts once", async () => {
      const system = await createSystem(under());
      await system.start();
      assert.equal((await system.properties({})).State, "Running");
      await assert.rejects(system.start(), hcsError(isInvalidState, system.id, "Running"));
      await endSystem(system);
    });

    it("starts once, whichever handle asks", async () => {
      const system = await createSystem(under());
      const other = await under().another().computeSystems.open(system.id);
      const outcomes = await Promise.allSettled([system.start(), other.start()]);
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
      await Promise.all([endSystem(system), other.exited.then(() => other.close())]);
    });
  });

  describe("terminate", () => {
    for (const state of ["Created", "Running"] as const) {
      it(`ends a system in state ${state}`, async () => {
        const system = await createSystem(under());
        if (state === "Running") await system.start();
        const exit = await endSystem(system);
        assert.equal(exit.exitType, "ForcedExit");
        assert.notEqual(exit.status, 0);
      });
    }

    it("makes every later operation fail as already stopped", async () => {
      const system = await createSystem(under());
      await system.terminate();
      await system.exited;
      const operations = [
        system.start(),
        system.terminate(),
        system.properties({}),
        system.modify({ ResourcePath: "VirtualMachine/ComputeTopology/Memory/SizeInMB", Settings: 256 }),
        ...(under().backend.traits.pause ? [system.pause(), system.resume()] : []),
      ];
      for (const outcome of await Promise.allSettled(operations)) {
        assert.equal(outcome.status, "rejected");
        hcsError(isAlreadyStopped, system.id)(outcome.reason as never);
      }
      await system.close();
    });
  });

  describe("shutdown", () => {
    it("is not for VMs whose guest connection is the owner's", async () => {
      const system = await createSystem(under());
      await system.start();
      await assert.rejects(system.shutdown(), hcsError(isNotSupported, system.id));
      assert.equal((await system.properties({})).State, "Running");
      await endSystem(system);
    });
  });

  describe("pause and resume", () => {
    beforeEach(function () {
      if (!under().backend.traits.pause) this.skip();
    });

    it("stop a running system and let it go on", async () => {
      const system = await createSystem(under());
      await system.start();
      await system.pause();
      assert.equal((await system.properties({})).State, "Paused");
      await assert.rejects(system.pause(), hcsError(isInvalidState, "Paused"));
      await system.resume();
      assert.equal((await system.properties({})).State, "Running");
      await assert.rejects(system.resume(), hcsError(isInvalidState, "Running"));
      await endSystem(system);
    });

    it("do not stand in the way of termination", async () => {
      const system = await createSystem(under());
      await system.start();
      await system.pause();
      assert.equal((await endSystem(system)).exitType, "ForcedExit");
    });
  });

  describe("close", () => {
    it("ends the system with its last handle", async () => {
      const system = await createSystem(under());
      await system.start();
      await system.close();
      assert.deepEqual(await under().backend.computeSystems.enumerate({ ids: [system.id] }), []);
      assert.equal((await system.exited).exitType, "ForcedExit");
    });

    it("leaves a system alone that has another handle", async () => {
      const created = await createSystem(under());
      const opened = await under().another().computeSystems.open(created.id);
      await created.close();
      assert.equal((await opened.properties({})).State, "Created");
      await opened.close();
      await systemGone(under().backend, created.id);
    });

    it("ends a paused system with its last handle, and with no other", async function () {
      if (!under().backend.traits.pause) this.skip();
      const created = await createSystem(under());
      const opened = await under().another().computeSystems.open(created.id);
      await created.start();
      await created.pause();
      await opened.close();
      assert.equal((await created.properties({})).State, "Paused");
      await created.close();
      assert.deepEqual(await under().backend.computeSystems.enumerate({ ids: [created.id] }), []);
    });

    it("leaves a system alone that does not end with its handles", async () => {
      const created = await createSystem(under(), { ShouldTerminateOnLastHandleClosed: false });
      await created.close();
      const opened = await under().another().computeSystems.open(created.id);
      assert.equal((await opened.properties({})).State, "Created");
      await endSystem(opened);
    });

    it("may be called twice, and then the handle is useless", async () => {
      const system = await createSystem(under());
      await Promise.all([system.close(), system.close()]);
      await system.close();
      await assert.rejects(system.properties({}), hcsError(isClosedHandle, system.id));
      await assert.rejects(system.start(), hcsError(isClosedHandle, system.id));
    });
  });

  describe("properties", () => {
    it("answer statistics that grow", async () => {
      const system = await createSystem(under());
      await system.start();
      const { Statistics } = await system.properties({ PropertyTypes: ["Statistics"] });
      assert.ok(Statistics?.Timestamp);
      assert.ok(Number(Statistics.Processor?.TotalRuntime100ns) > 0);
      assert.ok(Number(Statistics.Memory?.MemoryUsageCommitBytes) > 0);
      assert.ok(Number(Statistics.Uptime100ns) >= 0);
      await endSystem(system);
    });

    it("answer the assigned memory in pages", async () => {
      const system = await createSystem(under());
      const { Memory } = await system.properties({ PropertyTypes: ["Memory"] });
      const machine = (await under().document()).VirtualMachine!;
      const megabytes = machine.ComputeTopology!.Memory!.SizeInMB;
      assert.equal(Memory?.VirtualMachineMemory?.AssignedMemory, (megabytes * 1024 ** 2) / 4096);
      await endSystem(system);
    });

    it("refuse what a VM does not have and what is no property", async () => {
      const system = await createSystem(under());
      const query = (type: string): Promise<unknown> => system.properties({ PropertyTypes: [type as never] });
      await assert.rejects(query("ProcessList"), hcsError(isNotSupported, "ProcessList"));
      await assert.rejects(query("Weather"), hcsError(isInvalidJson, "/PropertyTypes/0", "Weather"));
      await endSystem(system);
    });
  });

  describe("createProcess and openProcess", () => {
    it("are not for VMs whose guest connection is the owner's", async () => {
      const system = await createSystem(under());
      await assert.rejects(
        system.createProcess({ CommandArgs: ["/bin/true"] }),
        hcsError(isNotSupported, system.id),
      );
      await assert.rejects(system.openProcess(1), hcsError(isNotSupported, system.id));
      await endSystem(system);
    });
  });

  describe("service", () => {
    it("answers the processor topology and facts about the host", async () => {
      const { backend } = under();
      const { Properties } = await backend.serviceProperties({ PropertyTypes: ["ProcessorTopology"] });
      const host = await backend.host();
      assert.equal(Properties.length, 1);
      assert.equal(Properties[0]!.LogicalProcessorCount, host.logicalProcessors);
      assert.ok(host.logicalProcessors > 0);
      assert.ok(host.build >= 17763);
      assert.ok(host.linuxBootFiles.files.includes("kernel"));
    });

    it("refuses other service properties", async () => {
      const asked = under().backend.serviceProperties({ PropertyTypes: ["Statistics"] });
      await assert.rejects(asked, hcsError(isInvalidJson, "/PropertyTypes/0"));
    });
  });
}
