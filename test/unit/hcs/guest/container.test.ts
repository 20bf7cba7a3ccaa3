import assert from "node:assert/strict";
import type { GuestContainer } from "../../../../hcs/guest/container.ts";
import { collectDiagnostics, isBackgroundFailure, isIgnoredFrame } from "./diagnostics.ts";
import { CAPABILITIES, GuestRig, type JsonBody } from "./scripted-guest.ts";

const CONFIG = {
  SchemaVersion: { Major: 2, Minor: 1 },
  OciBundlePath: "/run/gcs/c/web",
  OciSpecification: { ociVersion: "1.1.0" },
};

describe("GuestConnection.createContainer", () => {
  let rig: GuestRig;

  beforeEach(async () => {
    rig = await GuestRig.negotiated();
  });

  afterEach(() => rig.dispose());

  it("sends the document as a text", async () => {
    const created = rig.connection.createContainer("web", CONFIG);
    const request = await rig.guest.next("Create");
    assert.equal(request.body["ContainerId"], "web");
    assert.deepEqual(JSON.parse(request.body["ContainerConfig"] as string), CONFIG);
    rig.guest.answer(request, { SelectedProtocolVersion: 0 });
    assert.equal((await created).id, "web");
  });

  it("refuses an id that is in use, without asking the guest", async () => {
    const created = rig.connection.createContainer("web", CONFIG);
    await assert.rejects(rig.connection.createContainer("web", CONFIG), {
      symbol: "HCS_E_SYSTEM_ALREADY_EXISTS",
      message: /^cannot create guest container "web": .*guest "pod1@vm" has a container with this id/,
    });
    rig.guest.answer(await rig.guest.next("Create"));
    await created;
    assert.deepEqual(rig.guest.unread, []);
  });

  it("leaves the id free when the guest refuses", async () => {
    const refused = rig.connection.createContainer("web", CONFIG);
    rig.guest.refuse(await rig.guest.next("Create"), 0x8000_4005, "no such file");
    await assert.rejects(refused, /^HcsError: cannot create guest container "web": .*no such file/);
    const created = rig.connection.createContainer("web", CONFIG);
    rig.guest.answer(await rig.guest.next("Create"));
    await created;
  });

  it("does not miss an exit that comes before the answer", async () => {
    const created = rig.connection.createContainer("web", CONFIG);
    const request = await rig.guest.next("Create");
    rig.guest.notifyExit("web", "UnexpectedExit");
    rig.guest.answer(request);
    assert.deepEqual(await (await created).exited, { type: "UnexpectedExit" });
  });

  it("removes a container that comes after its caller has given up", async () => {
    const budget = new AbortController();
    const created = rig.connection.createContainer("web", CONFIG, { signal: budget.signal });
    const request = await rig.guest.next("Create");
    budget.abort(new Error("phase container-create ran out"));
    await assert.rejects(created, /container-create ran out/);
    rig.guest.answer(request);
    // A container that never ran may have nothing to terminate; its state goes all the same.
    rig.guest.refuse(await rig.guest.next("ShutdownForced"), 0x8000_4005);
    using diagnostics = collectDiagnostics();
    rig.guest.answer(await rig.guest.next("DeleteContainerState"));
    const failure = await diagnostics.next(isBackgroundFailure);
    assert.equal(failure.work, "removing abandoned container web");
  });

  it("has nothing to remove when the guest refuses after its caller has given up", async () => {
    const budget = new AbortController();
    const created = rig.connection.createContainer("web", CONFIG, { signal: budget.signal });
    const request = await rig.guest.next("Create");
    budget.abort();
    await assert.rejects(created, { name: "AbortError" });
    rig.guest.refuse(request, 0x8000_4005);
    const stacks = rig.connection.dumpStacks();
    rig.guest.answer(await rig.guest.next("DumpStacks"));
    await stacks;
    assert.deepEqual(rig.guest.unread, []);
  });
});

describe("GuestContainer", () => {
  let rig: GuestRig;
  let container: GuestContainer;

  async function open(capabilities: JsonBody = CAPABILITIES): Promise<void> {
    rig = await GuestRig.negotiated(capabilities);
    const created = rig.connection.createContainer("web", CONFIG);
    rig.guest.answer(await rig.guest.next("Create"));
    container = await created;
  }

  afterEach(() => rig.dispose());

  describe("exited", () => {
    const ends = [
      ["GracefulExit", "GracefulExit"],
      ["ForcedExit", "ForcedExit"],
      ["UnexpectedExit", "UnexpectedExit"],
      ["None", "UnexpectedExit"],
      ["Reboot", "UnexpectedExit"],
      ["SomethingNew", "UnexpectedExit"],
    ] as const;
    for (const [notified, type] of ends) {
      it(`is ${type} when the guest notifies ${notified}`, async () => {
        await open();
        rig.guest.notifyExit("web", notified);
        assert.deepEqual(await container.exited, { type });
      });
    }

    for (const passing of ["Constructed", "Started", "Paused"]) {
      it(`does not settle when the guest notifies ${passing}`, async () => {
        await open();
        rig.guest.notifyExit("web", passing);
        rig.guest.notifyExit("web", "ForcedExit");
        assert.deepEqual(await container.exited, { type: "ForcedExit" });
      });
    }

    it("frees the id, so that a second notification means nobody", async () => {
      await open();
      using diagnostics = collectDiagnostics();
      rig.guest.notifyExit("web", "ForcedExit");
      rig.guest.notifyExit("web", "UnexpectedExit");
      assert.equal((await diagnostics.next(isIgnoredFrame)).why, "unknown container");
      assert.deepEqual(await container.exited, { type: "ForcedExit" });
      const again = rig.connection.createContainer("web", CONFIG);
      rig.guest.answer(await rig.guest.next("Create"));
      await again;
    });
  });

  it("start asks the guest to start it", async () => {
    await open();
    const started = container.start();
    const request = await rig.guest.next("Start");
    assert.equal(request.body["ContainerId"], "web");
    rig.guest.answer(request);
    await started;
  });

  describe("properties", () => {
    async function query(properties: string): ReturnType<GuestContainer["properties"]> {
      const asked = container.properties({ PropertyTypes: ["ProcessList", "Statistics"] });
      const request = await rig.guest.next("GetProperties");
      assert.equal(request.body["Query"], '{"PropertyTypes":["ProcessList","Statistics"]}');
      rig.guest.answer(request, { Properties: properties });
      return asked;
    }

    it("reads process list and metrics with all their bits", async () => {
      await open();
      const text =
        '{"ProcessList":[{"ProcessId":81},{"ProcessId":70}],"LCOWMetrics":{"pids":{"current":2},"unknown":{},' +
        '"memory":{"usage":{"limit":9223372036854771712,"usage":507904}},"blkio":{},"memory_oom_control":{}}}';
      assert.deepEqual(await query(text), {
        ProcessList: [{ ProcessId: 81 }, { ProcessId: 70 }],
        LCOWMetrics: {
          pids: { current: 2 },
          memory: { usage: { limit: 9223372036854771712n, usage: 507904 } },
          memory_oom_control: {},
        },
      });
    });

    for (const [text, said] of [
      ["{", /JSON/],
      ['{"ProcessList":[{"ProcessId":-1}]}', /\/ProcessList\/0\/ProcessId is -1/],
      ['{"ProcessList":[{}]}', /\/ProcessList\/0\/ProcessId is missing/],
      ['{"LCOWMetrics":{"cpu":{"usage":{"per_cpu":{}}}}}', /\/LCOWMetrics\/cpu\/usage\/per_cpu is an object/],
      ['{"LCOWMetrics":{"pids":{"current":1.5}}}', /\/LCOWMetrics\/pids\/current is 1\.5/],
    ] as const) {
      it(`rejects ${text}, and the connection lives on`, async () => {
        await open();
        await assert.rejects(query(text), (error: Error) => {
          assert.match(error.message, /^cannot get properties of guest container "web": /);
          assert.match(error.message, said);
          return true;
        });
        assert.deepEqual(await query("{}"), {});
      });
    }
  });

  it("updateConstraints sends new limits", async () => {
    await open();
    const updated = container.updateConstraints({ Windows: {}, Linux: { memory: { limit: 67108864 } } });
    const request = await rig.guest.next("ModifySettings");
    assert.deepEqual(request.body["Request"], {
      RequestType: "Update",
      ResourceType: "ContainerConstraints",
      Settings: { Windows: {}, Linux: { memory: { limit: 67108864 } } },
    });
    rig.guest.answer(request);
    await updated;
  });

  it("modify sends an HCS document", async () => {
    await open();
    const modified = container.modify({
      ResourcePath: "Container/Memory/SizeInMB",
      RequestType: "Update",
      Settings: 512,
    });
    const request = await rig.guest.next("ModifySettings");
    assert.deepEqual(request.body["Request"], {
      ResourcePath: "Container/Memory/SizeInMB",
      RequestType: "Update",
      Settings: 512,
    });
    rig.guest.refuse(request, 0x8007_0057);
    await assert.rejects(
      modified,
      /^HcsError: cannot update Container\/Memory\/SizeInMB in guest container "web"/,
    );
  });

  for (const [method, message] of [
    ["shutdown", "ShutdownGraceful"],
    ["terminate", "ShutdownForced"],
  ] as const) {
    describe(method, () => {
      it(`sends ${message}`, async () => {
        await open();
        const ended = container[method]();
        rig.guest.answer(await rig.guest.next(message));
        assert.equal(await ended, "delivered");
      });

      for (const gone of [0xc037_010e, 0xc037_0110]) {
        it(`is "gone" when the guest answers 0x${gone.toString(16)}`, async () => {
          await open();
          const ended = container[method]();
          rig.guest.refuse(await rig.guest.next(message), gone);
          assert.equal(await ended, "gone");
        });
      }

      it("rejects with any other failure", async () => {
        await open();
        const ended = container[method]();
        rig.guest.refuse(await rig.guest.next(message), 0x8037_0105);
        await assert.rejects(ended, { symbol: "HCS_E_INVALID_STATE" });
      });
    });
  }

  describe("deleteState", () => {
    it("ends the container for those who wait, when the guest never reported an exit", async () => {
      await open();
      const deleted = container.deleteState();
      rig.guest.answer(await rig.guest.next("DeleteContainerState"));
      await deleted;
      assert.deepEqual(await container.exited, { type: "Deleted" });
    });

    it("succeeds when the guest does not know the container", async () => {
      await open();
      const deleted = container.deleteState();
      rig.guest.refuse(await rig.guest.next("DeleteContainerState"), 0xc037_010e);
      await deleted;
      assert.deepEqual(await container.exited, { type: "Deleted" });
    });

    it("reports what could not be removed; the guest has forgotten the container all the same", async () => {
      await open();
      const deleted = container.deleteState();
      rig.guest.refuse(await rig.guest.next("DeleteContainerState"), 0x8000_4005, "device or resource busy");
      await assert.rejects(
        deleted,
        /^HcsError: cannot delete state of guest container "web": .*resource busy/,
      );
      assert.deepEqual(await container.exited, { type: "Deleted" });
    });

    it("does not call the container deleted when no answer came", async () => {
      await open();
      const deleted = container.deleteState();
      await rig.guest.next("DeleteContainerState");
      rig.guest.socket.end();
      await assert.rejects(deleted, { symbol: "HCS_E_CONNECTION_CLOSED" });
      assert.deepEqual(await container.exited, { type: "ConnectionLost" });
    });

    it("does not call the container deleted when its caller gave up", async () => {
      await open();
      const budget = new AbortController();
      const deleted = container.deleteState({ signal: budget.signal });
      await rig.guest.next("DeleteContainerState");
      budget.abort();
      await assert.rejects(deleted, { name: "AbortError" });
      rig.guest.notifyExit("web", "ForcedExit");
      assert.deepEqual(await container.exited, { type: "ForcedExit" });
    });

    it("asks nothing of a guest without the message", async () => {
      await open({ RuntimeOsType: "Linux" });
      await container.deleteState();
      assert.deepEqual(rig.guest.unread, []);
      assert.deepEqual(await container.exited, { type: "Deleted" });
    });
  });
});
