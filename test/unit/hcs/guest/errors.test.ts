import assert from "node:assert/strict";
import {
  connectionClosedError,
  describeCall,
  guestError,
  protocolError,
} from "../../../../hcs/guest/errors.ts";
import { NULL_CONTAINER_ID, type MessageName, type RequestBody } from "../../../../hcs/guest/protocol.ts";

describe("describeCall", () => {
  const vm = { ContainerId: NULL_CONTAINER_ID };
  const web = { ContainerId: "web" };
  const cases: readonly (readonly [MessageName, object, operation: string, target: string])[] = [
    ["NegotiateProtocol", { ContainerId: "" }, "negotiate with guest", "vm"],
    ["Create", web, "create guest container", "web"],
    ["Start", vm, "start guest", "vm"],
    ["ShutdownGraceful", web, "shut down guest container", "web"],
    ["ShutdownForced", web, "terminate guest container", "web"],
    ["ExecuteProcess", vm, "create process in guest", "vm"],
    ["WaitForProcess", { ...web, ProcessId: 7 }, "wait for process 7 in guest container", "web"],
    ["SignalProcess", { ...web, ProcessId: 7 }, "signal process 7 in guest container", "web"],
    ["ResizeConsole", { ...web, ProcessId: 7 }, "resize console of process 7 in guest container", "web"],
    ["GetProperties", web, "get properties of guest container", "web"],
    [
      "ModifySettings",
      { ...vm, Request: { RequestType: "Remove", ResourceType: "Network" } },
      "remove Network in guest",
      "vm",
    ],
    ["ModifySettings", { ...vm, Request: { ResourceType: "Network" } }, "add Network in guest", "vm"],
    [
      "ModifySettings",
      { ...web, Request: { RequestType: "Update", ResourcePath: "a/b" } },
      "update a/b in guest container",
      "web",
    ],
    ["DumpStacks", vm, "dump stacks of guest", "vm"],
    ["DeleteContainerState", web, "delete state of guest container", "web"],
  ];
  for (const [message, body, operation, target] of cases) {
    it(`${message}: ${operation} "${target}"`, () => {
      assert.deepEqual(describeCall(message, body as RequestBody<typeof message>, "vm"), {
        operation,
        target,
      });
    });
  }
});

describe("guestError", () => {
  const subject = { operation: "start guest container", target: "web" };

  it("makes the signed result comparable", () => {
    assert.equal(guestError(subject, { Result: -1070137074 }).hresult, 0xc037010e);
  });

  for (const bare of ["HRESULT: 0xc037010e", "HRESULT 0x80070490", ""]) {
    it(`prefers the table's sentence to ${JSON.stringify(bare)}`, () => {
      const error = guestError(subject, { Result: -1070137074, ErrorMessage: bare });
      assert.equal(
        error.message,
        'cannot start guest container "web": 0xc037010e (HCS_E_SYSTEM_NOT_FOUND): the compute system does not exist',
      );
    });
  }

  it("does not repeat the message from the records, and bounds what it keeps", () => {
    const long = "x".repeat(10_000);
    const records = Array.from({ length: 100 }, (_, index) => ({
      Message: `${index} ${long}`,
      ModuleName: "gcs",
    }));
    const error = guestError(subject, {
      Result: -1,
      ErrorMessage: long,
      ErrorRecords: [{ Message: long }, ...records],
    });
    assert.equal(error.events.length, 15);
    assert.equal(error.events[0]?.message.startsWith("0 xxx"), true);
    assert.ok(error.message.length < 100_000);
  });
});

describe("protocolError", () => {
  it("keeps what broke the protocol as cause", () => {
    const cause = new Error("/Result is null");
    const error = protocolError({ operation: "talk to guest", target: "vm" }, cause);
    assert.equal(error.symbol, "HCS_E_PROTOCOL_ERROR");
    assert.equal(error.cause, cause);
    assert.match(error.message, /\/Result is null/);
  });
});

describe("connectionClosedError", () => {
  it("says why no answer will come", () => {
    const error = connectionClosedError(
      { operation: "start guest container", target: "web" },
      "the VM exited",
    );
    assert.equal(
      error.message,
      'cannot start guest container "web": 0x8037010a (HCS_E_CONNECTION_CLOSED): the VM exited',
    );
  });
});
