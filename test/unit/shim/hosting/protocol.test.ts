import assert from "node:assert/strict";
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  type KeeperRequest,
} from "../../../../shim/hosting/keeper/protocol.ts";

const REQUEST: KeeperRequest = {
  installation: "/opt/runhcs",
  workingDirectory: "/run/bündle",
  args: ["-id", "web", "-address", "", "start"],
  environment: { PATH: "/bin", EMPTY: "", "=C:": "C:\\", EQUALS: "a=b" },
  stdin: Uint8Array.of(0, 1, 2, 0),
};

describe("decodeRequest", () => {
  it("reads what encodeRequest wrote", () => {
    const decoded = decodeRequest(encodeRequest(REQUEST));
    assert.deepEqual({ ...decoded, stdin: [...(decoded?.stdin ?? [])] }, { ...REQUEST, stdin: [0, 1, 2, 0] });
  });

  it("waits for the rest, however it is cut", () => {
    const bytes = encodeRequest(REQUEST);
    for (let length = 0; length < bytes.length; length += 1)
      assert.equal(decodeRequest(bytes.subarray(0, length)), undefined);
  });

  it("refuses parts that no command line can have, before they arrive", () => {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(0x7fff_ffff, 0);
    assert.throws(() => decodeRequest(head), /invalid request: parts of 2147483647 and 0 bytes/);
  });

  it("refuses strings that are fewer than announced", () => {
    const text = Buffer.from("/opt\0/run\x009\0-id\0", "utf8");
    const head = Buffer.alloc(8);
    head.writeUInt32LE(text.length, 0);
    assert.throws(() => decodeRequest(Buffer.concat([head, text])), /"9" arguments in/);
  });
});

describe("decodeReply", () => {
  const reply = { verdict: "failed", stdout: Uint8Array.of(7, 0), stderr: "größer" } as const;

  it("reads what encodeReply wrote", () => {
    const decoded = decodeReply(encodeReply(reply));
    assert.deepEqual({ ...decoded, stdout: [...(decoded?.stdout ?? [])] }, { ...reply, stdout: [7, 0] });
  });

  it("takes a reply that was cut within stdout for none", () => {
    const bytes = encodeReply(reply);
    for (const length of [0, 1, 4, 5, 6]) assert.equal(decodeReply(bytes.subarray(0, length)), undefined);
  });

  it("takes an unknown verdict for none", () => {
    assert.equal(decodeReply(Buffer.from("x\0\0\0\0")), undefined);
  });
});
