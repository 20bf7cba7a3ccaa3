import assert from "node:assert/strict";
import { once } from "node:events";
import fc from "fast-check";
import { LINUX_GUEST_PORT } from "../../hcs/schema/hv-socket.ts";
import { NULL_ACTIVITY_ID, NULL_CONTAINER_ID, REQUEST_TYPE } from "../../hcs/guest/protocol.ts";
import { GuestBridge } from "../support/guest-bridge.ts";
import { GuestFixture } from "../support/guest-fixture.ts";
import { GuestHarness, skipWithoutGuest } from "../support/guest-harness.ts";
import { execProcess } from "../support/guest-rootfs.ts";
import { until } from "../support/until.ts";

const NEGOTIATE = { ContainerId: "", MinimumVersion: 4, MaximumVersion: 4 };

describe("guest: the connection", function () {
  before(function () {
    skipWithoutGuest(this);
  });

  describe("before and after negotiation", () => {
    let harness: GuestHarness;
    let bridge: GuestBridge;

    before(async () => {
      harness = await GuestHarness.create();
      bridge = await harness.start();
    });

    after(() => harness?.stop());

    it("refuses everything else first", async () => {
      for (const message of ["Start", "GetProperties", "DumpStacks"] as const) {
        const { result, body } = await bridge.call(message, { ContainerId: NULL_CONTAINER_ID });
        assert.equal(result, 0x80004001);
        assert.equal(body["ActivityId"], NULL_ACTIVITY_ID);
        assert.equal(typeof body["ErrorMessage"], "string");
      }
    });

    it("refuses version ranges without 4", async () => {
      for (const [MinimumVersion, MaximumVersion] of [
        [5, 5],
        [1, 3],
      ]) {
        const range = { ContainerId: "", MinimumVersion, MaximumVersion };
        assert.equal((await bridge.call("NegotiateProtocol", range)).result, 0xc037010c);
      }
    });

    it("accepts a range with 4, once", async () => {
      const { body } = await bridge.call("NegotiateProtocol", {
        ...NEGOTIATE,
        MinimumVersion: 2,
        MaximumVersion: 9,
      });
      assert.deepEqual(body, {
        Result: 0,
        ActivityId: NULL_ACTIVITY_ID,
        Version: 4,
        Capabilities: {
          SupportedSchemaVersions: [{ Major: 2, Minor: 1 }],
          RuntimeOsType: "Linux",
          GuestDefinedCapabilities: {
            NamespaceAddRequestSupported: true,
            SignalProcessSupported: true,
            DumpStacksSupported: true,
            DeleteContainerStateSupported: true,
          },
        },
      });
      assert.equal((await bridge.call("NegotiateProtocol", NEGOTIATE)).result, 0x80004001);
    });

    it("does not implement messages it does not know", async () => {
      const types = [
        REQUEST_TYPE.UpdateContainer,
        REQUEST_TYPE.ModifyServiceSettings,
        0x10107701,
        0x1ff00001,
      ];
      for (const type of types)
        assert.equal((await bridge.call(type, { ContainerId: "x" })).result, 0x80004001);
    });

    it("answers with the request's type and id, whatever the id", async () => {
      const id = 2n ** 64n - 1n;
      bridge.sendAs(id, "Start", { ContainerId: "x" });
      assert.equal((await bridge.response(id)).result, 0);
      assert.equal(bridge.findResponse(id)?.type, 0x20100201);
    });

    it("reports JSON it cannot read, without an activity", async () => {
      for (const body of ['{"ContainerId": ', "[]", '{"ContainerId":7}']) {
        const { result, body: answer } = await bridge.call("Create", body);
        assert.equal(result, 0xc037010d);
        assert.ok(!("ActivityId" in answer));
      }
    });

    it("answers every body with a result, and lives", async () => {
      const names = ["Create", "ExecuteProcess", "WaitForProcess", "SignalProcess", "ResizeConsole"] as const;
      const others = ["GetProperties", "ModifySettings", "DeleteContainerState"] as const;
      const keys = [
        "ContainerConfig",
        "Settings",
        "ProcessId",
        "Options",
        "Query",
        "Request",
        "Height",
        "TimeoutInMs",
      ];
      const member = fc.oneof(
        fc.jsonValue(),
        fc.json(),
        fc.record({
          ResourceType: fc.constantFrom("MappedDirectory", "CombinedLayers", "Network", "SecurityPolicy", 7),
          RequestType: fc.constantFrom("Add", "Remove", "Update", ""),
          Settings: fc.jsonValue(),
        }),
        fc.record({ ProcessParameters: fc.json(), VsockStdioRelaySettings: fc.jsonValue() }),
      );
      const body = fc.dictionary(fc.constantFrom(...keys), member);
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...names, ...others),
          fc.constantFrom("nobody", NULL_CONTAINER_ID),
          body,
          async (name, ContainerId, members) => {
            const { body: answer } = await bridge.call(name, { ...members, ContainerId });
            assert.equal(typeof answer["Result"], "number");
          },
        ),
        { numRuns: 300 },
      );
      await bridge.must("Start", { ContainerId: "x" });
    }).timeout(60_000);

    it("leaves frames alone that are no requests, and goes on", async () => {
      bridge.send(0x20100201, {});
      bridge.send(0x30100101, {});
      await bridge.must("Start", { ContainerId: "x" });
    });

    it("takes a request that comes in pieces", async () => {
      const body = Buffer.from(`{"ContainerId":"x","Padding":"${"x".repeat(300_000)}"}`);
      const header = Buffer.alloc(16);
      header.writeUInt32LE(REQUEST_TYPE.Start, 0);
      header.writeUInt32LE(16 + body.length, 4);
      header.writeBigUInt64LE(4711n, 8);
      for (const part of [
        header.subarray(0, 3),
        header.subarray(3),
        body.subarray(0, 200_000),
        body.subarray(200_000),
      ]) {
        bridge.socket.write(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal((await bridge.response(4711n)).result, 0);
    });

    it("drops the connection for a frame that cannot be one, and dials again", async () => {
      const again = await harness.listen(LINUX_GUEST_PORT.bridge);
      bridge.socket.write(Buffer.from("010b10100100000000000000000000000", "hex"));
      await until("the end of the connection", () => bridge.socket.readableEnded || bridge.socket.destroyed);
      const next = new GuestBridge(await again.connection);
      await next.negotiate();
      await next.close();
    });
  });

  describe("with containers", () => {
    let guest: GuestFixture;
    const ID = "c";

    before(async () => {
      guest = await GuestFixture.boot();
      await guest.run(ID, { args: ["/bin/sleep", "100000"] });
    });

    after(() => guest?.stop());

    /** Drops the connection and takes the next one. */
    async function reconnect(drop: () => Promise<void> = () => guest.bridge.close()): Promise<GuestBridge> {
      const again = await guest.harness.listen(LINUX_GUEST_PORT.bridge);
      const firstId = guest.bridge.nextId;
      await drop();
      guest.bridge = new GuestBridge(await again.connection, firstId);
      return guest.bridge;
    }

    it("answers what is ready first", async () => {
      const slow = await guest.exec(ID, execProcess(["/bin/cat"]), ["stdin"]);
      const wait = guest.sendWait(ID, slow.pid);
      const quick = guest.bridge.send("Start", { ContainerId: ID });
      await guest.bridge.response(quick);
      assert.equal(guest.bridge.findResponse(wait), undefined);
      slow.stdin?.end();
      assert.equal((await guest.bridge.response(wait)).body["ExitCode"], 0);
    });

    it("serves many requests at once", async () => {
      const ids = Array.from({ length: 8 }, () =>
        guest.bridge.send("ExecuteProcess", {
          ContainerId: ID,
          Settings: {
            ProcessParameters: JSON.stringify({ OciProcess: execProcess(["/bin/sh", "-c", "exit 9"]) }),
          },
        }),
      );
      const pids = await Promise.all(
        ids.map(async (id) => Number((await guest.bridge.response(id)).body["ProcessId"])),
      );
      assert.equal(new Set(pids).size, ids.length);
      assert.deepEqual(
        await Promise.all(pids.map((pid) => guest.exitCode(ID, pid))),
        ids.map(() => 9),
      );
    });

    it("keeps containers and pending waits across connections, and answers under the old ids", async () => {
      const early = await guest.exec(ID, execProcess(["/bin/cat"]), ["stdin"]);
      const late = await guest.exec(ID, execProcess(["/bin/cat"]), ["stdin"]);
      const earlyWait = guest.sendWait(ID, early.pid);
      const lateWait = guest.sendWait(ID, late.pid);
      await guest.bridge.must("Start", { ContainerId: ID });

      const bridge = await reconnect(async () => {
        await guest.bridge.close();
        // Exits while nobody is connected.
        early.stdin?.end();
        await once(early.stdin ?? assert.fail(), "close");
      });
      assert.equal((await bridge.call("GetProperties", { ContainerId: ID, Query: "{}" })).result, 0x80004001);
      assert.equal(bridge.findResponse(earlyWait), undefined);
      await bridge.negotiate();
      assert.equal((await bridge.response(earlyWait)).body["ExitCode"], 0);
      late.stdin?.end();
      assert.equal((await bridge.response(lateWait)).body["ExitCode"], 0);
    });

    it("keeps exit notifications for the next connection", async () => {
      const init = await guest.run("gone", { args: ["/bin/cat"] }, ["stdin"]);
      const wait = guest.sendWait("gone", init.pid);
      await guest.bridge.must("Start", { ContainerId: ID });
      const bridge = await reconnect(async () => {
        await guest.bridge.close();
        init.stdin?.end();
        await once(init.stdin ?? assert.fail(), "close");
      });
      await bridge.negotiate();
      assert.equal((await bridge.response(wait)).body["ExitCode"], 0);
      assert.equal((await bridge.notification("gone")).body["Type"], "UnexpectedExit");
      await guest.delete("gone");
    });
  });
});
