import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { HcsError } from "../../../../hcs/errors.ts";
import { GuestConnection } from "../../../../hcs/guest/connection.ts";
import { encodeFrame } from "../../../../hcs/guest/frame.ts";
import { addMappedDirectory } from "../../../../hcs/guest/modify.ts";
import { NULL_CONTAINER_ID, REQUEST_TYPE } from "../../../../hcs/guest/protocol.ts";
import { collectDiagnostics, isIgnoredFrame } from "./diagnostics.ts";
import { CAPABILITIES, GuestRig, type JsonBody } from "./scripted-guest.ts";

const CONFIG = {
  SchemaVersion: { Major: 2, Minor: 1 },
  OciBundlePath: "/run/gcs/c/web",
  OciSpecification: {},
};

describe("GuestConnection", () => {
  let rig: GuestRig;

  afterEach(() => rig.dispose());

  describe("negotiate", () => {
    it("offers version 4 and returns what the guest can do", async () => {
      rig = await GuestRig.open();
      const negotiated = rig.connection.negotiate();
      const request = await rig.guest.next("NegotiateProtocol");
      assert.deepEqual(request.body, {
        ContainerId: "",
        ActivityId: "00000000-0000-0000-0000-000000000000",
        MinimumVersion: 4,
        MaximumVersion: 4,
      });
      rig.guest.answer(request, { Version: 4, Capabilities: CAPABILITIES });
      assert.deepEqual(await negotiated, CAPABILITIES);
      assert.deepEqual(rig.connection.capabilities, CAPABILITIES);
      assert.equal(rig.connection.canAddNetwork, true);
    });

    const refusals: readonly (readonly [name: string, answer: JsonBody, message: RegExp])[] = [
      [
        "another version",
        { Version: 5, Capabilities: CAPABILITIES },
        /the guest chose version 5, the host speaks 4/,
      ],
      ["no version", { Capabilities: CAPABILITIES }, /the guest chose version 0/],
      [
        "another system",
        { Version: 4, Capabilities: { RuntimeOsType: "WINDOWS" } },
        /runs windows, expected linux/,
      ],
      ["no system, which means Windows", { Version: 4 }, /runs windows, expected linux/],
    ];
    for (const [name, answer, message] of refusals) {
      it(`refuses ${name}`, async () => {
        rig = await GuestRig.open();
        const negotiated = rig.connection.negotiate();
        rig.guest.answer(await rig.guest.next("NegotiateProtocol"), answer);
        await assert.rejects(negotiated, message);
      });
    }

    const windows = { SendHostCreateMessage: true, SendHostStartMessage: true, RuntimeOsType: "Windows" };
    const coldStarts: readonly (readonly [name: string, capabilities: JsonBody, sent: readonly string[]])[] =
      [
        ["creates and starts a guest that wants both", windows, ["Create", "Start"]],
        ["only creates where that is asked", { ...windows, SendHostStartMessage: false }, ["Create"]],
        ["sends no start without a create", { ...windows, SendHostCreateMessage: false }, []],
      ];
    for (const [name, capabilities, sent] of coldStarts) {
      it(name, async () => {
        rig = await GuestRig.open({ os: "windows" });
        const negotiated = rig.connection.negotiate();
        rig.guest.answer(await rig.guest.next("NegotiateProtocol"), {
          Version: 4,
          Capabilities: capabilities,
        });
        for (const message of sent) {
          const request = await rig.guest.next();
          assert.equal(request.message, message);
          assert.equal(request.body["ContainerId"], NULL_CONTAINER_ID);
          if (message === "Create") {
            assert.deepEqual(JSON.parse(request.body["ContainerConfig"] as string), {
              SystemType: "Container",
              TimeZoneInformation: {
                StandardName: "Coordinated Universal Time",
                StandardDate: {},
                DaylightName: "Coordinated Universal Time",
                DaylightDate: {},
              },
            });
          }
          rig.guest.answer(request);
        }
        await negotiated;
        assert.deepEqual(rig.guest.unread, []);
      });
    }

    it("creates nothing on a later connection of the same boot", async () => {
      rig = await GuestRig.open({ os: "windows" });
      const negotiated = rig.connection.negotiate({ coldStart: false });
      rig.guest.answer(await rig.guest.next(), { Version: 4, Capabilities: windows });
      await negotiated;
      assert.deepEqual(rig.guest.unread, []);
    });
  });

  describe("request", () => {
    const start = (id: string) => rig.connection.request("Start", { ContainerId: id });

    it("joins answers with their requests in whatever order they come", async () => {
      rig = await GuestRig.negotiated();
      const calls = ["a", "b", "c"].map((id) => rig.connection.request("DumpStacks", { ContainerId: id }));
      const requests = [await rig.guest.next(), await rig.guest.next(), await rig.guest.next()];
      for (const request of [...requests].reverse()) {
        rig.guest.answer(request, { GuestStacks: request.body["ContainerId"] });
      }
      assert.deepEqual(
        (await Promise.all(calls)).map(({ GuestStacks }) => GuestStacks),
        ["a", "b", "c"],
      );
    });

    it("takes an answer whose type word names no message, as a sidecar sends", async () => {
      rig = await GuestRig.negotiated();
      const call = start("web");
      const { id } = await rig.guest.next("Start");
      rig.guest.send(0x2000_0000, id, { Result: 0x8037_0105 | 0 });
      await assert.rejects(call, { symbol: "HCS_E_INVALID_STATE" });
    });

    it("says what the guest said, and of whom", async () => {
      rig = await GuestRig.negotiated();
      const call = rig.connection.modify(addMappedDirectory({ MountPath: "/m", ShareName: "s" }));
      rig.guest.answer(await rig.guest.next(), {
        Result: -2147467259,
        ErrorMessage: "mount failed",
        ErrorRecords: [
          { Result: -2147467259, Message: "mount failed", ModuleName: "gcs", FileName: "", Line: 4294967295 },
          { Result: -2147467259, Message: "no such device", ModuleName: "gcs", FileName: "x.go", Line: 7 },
        ],
      });
      await assert.rejects(call, (error: HcsError) => {
        assert.equal(
          error.message,
          'cannot add MappedDirectory in guest "pod1@vm": 0x80004005 (E_FAIL): mount failed [no such device]',
        );
        assert.deepEqual(error.events, [{ message: "no such device", source: "gcs" }]);
        return true;
      });
    });

    it("rejects with the signal's reason, drops the late answer and lives on", async () => {
      rig = await GuestRig.negotiated();
      using diagnostics = collectDiagnostics();
      const budget = new AbortController();
      const call = rig.connection.request("Start", { ContainerId: "web" }, { signal: budget.signal });
      const request = await rig.guest.next();
      const reason = new Error("phase guest-start ran out");
      budget.abort(reason);
      await assert.rejects(call, (error) => error === reason);
      rig.guest.answer(request);
      const ignored = await diagnostics.next(isIgnoredFrame);
      assert.deepEqual([ignored.why, ignored.id, ignored.guest], ["late response", request.id, "pod1@vm"]);
      const next = start("web");
      rig.guest.answer(await rig.guest.next());
      await next;
    });

    it("sends nothing when the signal has fired before", async () => {
      rig = await GuestRig.negotiated();
      const reason = new Error("too late");
      const signal = AbortSignal.abort(reason);
      await assert.rejects(
        rig.connection.request("Start", { ContainerId: "a" }, { signal }),
        (e) => e === reason,
      );
      const call = start("b");
      const request = await rig.guest.next();
      assert.equal(request.body["ContainerId"], "b");
      rig.guest.answer(request);
      await call;
    });

    it("limits calls without a signal by the owner's default, but no wait", async () => {
      const limit = new AbortController();
      rig = await GuestRig.negotiated(CAPABILITIES, { defaultSignal: () => limit.signal });
      const call = start("web");
      const target = { ContainerId: "web", ProcessId: 1, TimeoutInMs: 0xffff_ffff };
      const wait = rig.connection.request("WaitForProcess", target);
      await rig.guest.next("Start");
      limit.abort(new Error("budget ran out"));
      await assert.rejects(call, /budget ran out/);
      rig.guest.answer(await rig.guest.next("WaitForProcess"), { ExitCode: 3 });
      assert.equal((await wait).ExitCode, 3);
    });

    it("leaves nothing on a signal that outlives many calls", async () => {
      rig = await GuestRig.negotiated();
      const { signal } = new AbortController();
      for (let calls = 0; calls < 3; calls++) {
        const call = rig.connection.request("Start", { ContainerId: "web" }, { signal });
        rig.guest.answer(await rig.guest.next("Start"));
        await call;
      }
      assert.equal(getEventListeners(signal, "abort").length, 0);
    });

    it("refuses calls while the guest leaves megabytes of them unread", async () => {
      rig = await GuestRig.negotiated();
      rig.guest.socket.pause();
      const big = { ContainerId: "web", ContainerConfig: JSON.stringify("x".repeat(9 * 1024 * 1024)) };
      const calls = [rig.connection.request("Create", big), rig.connection.request("Create", big)];
      const outcomes = Promise.allSettled(calls);
      await assert.rejects(start("web"), (error: HcsError) => {
        assert.equal(error.symbol, "HCS_E_CONNECTION_TIMEOUT");
        assert.match(error.message, /the guest has left \d+ bytes of requests unread/);
        return true;
      });
      await rig.connection.close();
      assert.deepEqual(
        (await outcomes).map(({ status }) => status),
        ["rejected", "rejected"],
      );
    });

    it("announces each call with its result", async () => {
      rig = await GuestRig.negotiated();
      using diagnostics = collectDiagnostics();
      const call = start("web");
      rig.guest.refuse(await rig.guest.next(), 0xc037_010e);
      await assert.rejects(call);
      const [announced] = diagnostics.seen;
      assert.ok(announced?.event === "call");
      assert.deepEqual(
        [announced.message, announced.containerId, announced.hresult],
        ["Start", "web", 0xc037_010e],
      );
    });
  });

  describe("frames that mean nothing", () => {
    const cases: readonly (readonly [name: string, type: number, id: bigint, why: string])[] = [
      ["an answer to a call that was never made", 0x2010_0201, 999n, "unknown id"],
      ["an answer with the largest id", 0x2010_0201, 0xffff_ffff_ffff_ffffn, "unknown id"],
      ["a second answer to a call", 0x2010_0b01, 0n, "late response"],
      ["a notification of another type", 0x3010_0201, 0n, "unknown type"],
      ["a request", REQUEST_TYPE.Create, 0n, "unknown type"],
      ["type 0", 0, 0n, "unknown type"],
      ["a kind that does not exist", 0xf010_0101, 0n, "unknown type"],
    ];
    for (const [name, type, id, why] of cases) {
      it(`ignores ${name}`, async () => {
        rig = await GuestRig.negotiated();
        using diagnostics = collectDiagnostics();
        rig.guest.send(type, id, {});
        assert.equal((await diagnostics.next(isIgnoredFrame)).why, why);
        const stacks = rig.connection.dumpStacks();
        rig.guest.answer(await rig.guest.next("DumpStacks"), { GuestStacks: "main" });
        assert.equal(await stacks, "main");
      });
    }

    it("ignores the exit of a container it does not have", async () => {
      rig = await GuestRig.negotiated();
      using diagnostics = collectDiagnostics();
      rig.guest.notifyExit("web", "UnexpectedExit");
      const ignored = await diagnostics.next(isIgnoredFrame);
      assert.deepEqual(
        [ignored.why, ignored.frame],
        ["unknown container", "notification UnexpectedExit of web"],
      );
    });
  });

  describe("a guest that breaks the protocol loses its connection", () => {
    const response = (body: string) => encodeFrame(0x2010_0201, 1n, body);
    const notification = (body: string) => encodeFrame(0x3010_0101, 0n, body);
    const cases: readonly (readonly [name: string, bytes: Buffer, said: RegExp])[] = [
      ["a frame smaller than its header", Buffer.alloc(16), /size 0 is less than the header/],
      [
        "a frame over the limit",
        encodeFrame(1, 0n, Buffer.alloc(5000)),
        /size 5016 is more than the limit of 4096/,
      ],
      ["a response that is no JSON", response("{"), /JSON/],
      ["a response that is no object", response("[]"), /document is an array, expected an object/],
      ["a result that is no number", response('{"Result":"0"}'), /\/Result is a string, expected an integer/],
      ["a result beyond 32 bits", response('{"Result":4294967296}'), /\/Result is 4294967296/],
      ["error records that are no list", response('{"ErrorRecords":{}}'), /\/ErrorRecords is an object/],
      ["a notification that is no JSON", notification("\0"), /JSON/],
      ["a notification without container", notification('{"Type":"ForcedExit"}'), /\/ContainerId is missing/],
    ];
    for (const [name, bytes, said] of cases) {
      it(name, async () => {
        rig = await GuestRig.negotiated(CAPABILITIES, { maxFrameBytes: 4096 });
        const call = rig.connection.request("Start", { ContainerId: "web" });
        await rig.guest.next("Start");
        rig.guest.socket.write(bytes);
        await assert.rejects(call, (error: HcsError) => {
          assert.ok(error instanceof HcsError);
          assert.match(error.message, /^cannot start guest container "web": /);
          assert.match(error.message, said);
          return true;
        });
        const end = await rig.connection.closed;
        assert.ok(end.cause === "lost");
        assert.equal(end.error.symbol, "HCS_E_PROTOCOL_ERROR");
        assert.match(end.error.message, said);
        assert.equal(rig.host.destroyed, true);
      });
    }
  });

  it("believes nothing that comes after the broken frame", async () => {
    rig = await GuestRig.negotiated();
    const created = rig.connection.createContainer("web", CONFIG);
    rig.guest.answer(await rig.guest.next("Create"));
    const { exited } = await created;
    const call = rig.connection.request("Start", { ContainerId: "web" });
    const { id } = await rig.guest.next("Start");
    const exit = JSON.stringify({ ContainerId: "web", Type: "ForcedExit" });
    rig.guest.socket.write(
      Buffer.concat([encodeFrame(0x2010_0201, id, "{"), encodeFrame(0x3010_0101, 0n, exit)]),
    );
    await assert.rejects(call, { symbol: "HCS_E_PROTOCOL_ERROR" });
    assert.deepEqual(await exited, { type: "ConnectionLost" });
  });

  describe("a lost connection", () => {
    /** How far the conversation has come when the connection is lost, and what must fail then. */
    const stages: readonly (readonly [name: string, begin: () => Promise<{ call: Promise<unknown> }>])[] = [
      [
        "while negotiating",
        async () => {
          rig = await GuestRig.open();
          const call = rig.connection.negotiate();
          await rig.guest.next("NegotiateProtocol");
          return { call };
        },
      ],
      [
        "while a container is being created",
        async () => {
          rig = await GuestRig.negotiated();
          const call = rig.connection.createContainer("web", CONFIG);
          await rig.guest.next("Create");
          return { call };
        },
      ],
      [
        "while a process is being created",
        async () => {
          rig = await GuestRig.negotiated();
          const call = rig.connection.createProcess({ CreateStdOutPipe: true });
          await rig.guest.next("ExecuteProcess");
          return { call };
        },
      ],
      [
        "while a process runs",
        async () => {
          rig = await GuestRig.negotiated();
          const call = rig.connection.createProcess({});
          rig.guest.answer(await rig.guest.next("ExecuteProcess"), { ProcessId: 12 });
          const { exited } = await call;
          await rig.guest.next("WaitForProcess");
          return { call: exited };
        },
      ],
    ];
    for (const [name, begin] of stages) {
      it(`rejects what is under way ${name}, and leaves no listener`, async () => {
        const { call } = await begin();
        rig.guest.socket.end();
        await assert.rejects(call, {
          name: "HcsError",
          symbol: "HCS_E_CONNECTION_CLOSED",
          message: /the guest connection was lost: the guest closed the connection/,
        });
        assert.equal((await rig.connection.closed).cause, "lost");
        assert.deepEqual(rig.sockets.open, []);
        await assert.rejects(rig.connection.negotiate(), { symbol: "HCS_E_CONNECTION_CLOSED" });
        assert.deepEqual(rig.sockets.open, []);
      });
    }

    it("settles the exit of every container", async () => {
      rig = await GuestRig.negotiated();
      const created = [
        rig.connection.createContainer("a", CONFIG),
        rig.connection.createContainer("b", CONFIG),
      ];
      for (const _ of created) rig.guest.answer(await rig.guest.next("Create"));
      const containers = await Promise.all(created);
      rig.guest.socket.destroy();
      for (const container of containers)
        assert.deepEqual(await container.exited, { type: "ConnectionLost" });
    });

    it("tells when it was cut inside a frame", async () => {
      rig = await GuestRig.negotiated();
      rig.guest.socket.end(encodeFrame(0x2010_0101, 0n, "{}").subarray(0, 17));
      const end = await rig.connection.closed;
      assert.ok(end.cause === "lost");
      assert.match(end.error.message, /the guest closed the connection 17 bytes into a frame/);
    });

    it("keeps the socket's error as cause", async () => {
      rig = await GuestRig.negotiated();
      const broken = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
      rig.host.destroy(broken);
      const end = await rig.connection.closed;
      assert.ok(end.cause === "lost");
      assert.equal(end.error.cause, broken);
    });
  });

  describe("close", () => {
    it("rejects calls under way, hangs up and may be called again", async () => {
      rig = await GuestRig.negotiated();
      const call = rig.connection.request("Start", { ContainerId: "web" });
      await rig.guest.next("Start");
      const rejected = assert.rejects(call, {
        symbol: "HCS_E_CONNECTION_CLOSED",
        message: /the guest connection was closed/,
      });
      const hungUp = once(rig.guest.socket, "end");
      await Promise.all([rig.connection.close(), rig.connection.close()]);
      await Promise.all([rejected, hungUp]);
      assert.deepEqual(await rig.connection.closed, { cause: "closed" });
    });
  });

  describe("dumpStacks", () => {
    it("is empty, without asking, where the guest cannot tell", async () => {
      rig = await GuestRig.negotiated({ RuntimeOsType: "linux" });
      assert.equal(await rig.connection.dumpStacks(), "");
      assert.deepEqual(rig.guest.unread, []);
    });
  });

  describe("open", () => {
    it("is lost at once on a stream that has already ended", async () => {
      rig = await GuestRig.open();
      const { host } = await rig.sockets.pair();
      host.destroy();
      await once(host, "close");
      const connection = GuestConnection.open(host, { os: "linux", name: "vm", listen: rig.sockets.listen });
      assert.equal((await connection.closed).cause, "lost");
      await assert.rejects(connection.negotiate(), { symbol: "HCS_E_CONNECTION_CLOSED" });
    });
  });
});
