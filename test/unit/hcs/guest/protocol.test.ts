import assert from "node:assert/strict";
import {
  CONTAINER_NOTIFICATION,
  describeType,
  frameKind,
  messageName,
  REQUEST_TYPE,
  responseType,
  type MessageName,
} from "../../../../hcs/guest/protocol.ts";
import { readRecording, RECORDINGS } from "./recordings.ts";

/** Pinned: these numbers are the protocol. */
const TYPES: readonly (readonly [MessageName, request: number, response: number])[] = [
  ["Create", 0x10100101, 0x20100101],
  ["Start", 0x10100201, 0x20100201],
  ["ShutdownGraceful", 0x10100301, 0x20100301],
  ["ShutdownForced", 0x10100401, 0x20100401],
  ["ExecuteProcess", 0x10100501, 0x20100501],
  ["WaitForProcess", 0x10100601, 0x20100601],
  ["SignalProcess", 0x10100701, 0x20100701],
  ["ResizeConsole", 0x10100801, 0x20100801],
  ["GetProperties", 0x10100901, 0x20100901],
  ["ModifySettings", 0x10100a01, 0x20100a01],
  ["NegotiateProtocol", 0x10100b01, 0x20100b01],
  ["DumpStacks", 0x10100c01, 0x20100c01],
  ["DeleteContainerState", 0x10100d01, 0x20100d01],
  ["UpdateContainer", 0x10100e01, 0x20100e01],
  ["LifecycleNotification", 0x10100f01, 0x20100f01],
  ["ModifyServiceSettings", 0x10200101, 0x20200101],
];

describe("type words", () => {
  for (const [message, request, response] of TYPES) {
    it(`${message} is 0x${request.toString(16)}, answered by 0x${response.toString(16)}`, () => {
      assert.equal(REQUEST_TYPE[message], request);
      assert.equal(responseType(request), response);
      assert.equal(messageName(request), message);
      assert.equal(messageName(response), message);
    });
  }

  it("are all listed here", () => {
    assert.deepEqual(
      TYPES.map(([message]) => message),
      Object.keys(REQUEST_TYPE),
    );
  });

  it("are those of the recordings", () => {
    for (const { type, type_name } of RECORDINGS.flatMap(readRecording)) {
      const [, kind, message] = /^(\w+)\((\w+)\)$/.exec(type_name)!;
      const word = Number(type);
      if (kind === "Notify") assert.equal(word, CONTAINER_NOTIFICATION);
      else assert.deepEqual([frameKind(word), messageName(word)], [kind!.toLowerCase(), message]);
    }
  });
});

describe("describeType", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0x10100101, "request Create (0x10100101)"],
    [0x20100601, "response WaitForProcess (0x20100601)"],
    [CONTAINER_NOTIFICATION, "notification Container (0x30100101)"],
    [0x20000000, "response 0x20000000"],
    [0xf0100101, "unknown Create (0xf0100101)"],
    [0, "none 0x00000000"],
  ];
  for (const [type, text] of cases) it(text, () => assert.equal(describeType(type), text));
});
