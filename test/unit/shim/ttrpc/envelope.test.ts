import assert from "node:assert/strict";
import { Request, Response } from "../../../../protos/gen/ttrpc.ts";
import {
  encodeRequestHead,
  encodeRequestTail,
  requestLength,
  responseLength,
  writeData,
  writeEndOfStream,
  writeRequest,
  writeResponse,
  writeStatus,
} from "../../../../shim/ttrpc/envelope.ts";
import { MAX_MESSAGE_LENGTH } from "../../../../shim/ttrpc/frame.ts";
import { Metadata } from "../../../../shim/ttrpc/metadata.ts";
import { Output } from "../../../../shim/ttrpc/output.ts";
import { frameBytes } from "./raw-peer.ts";

function bytesOf(write: (output: Output) => void): Buffer {
  const output = new Output();
  write(output);
  return Buffer.concat(output.take());
}

const NO_BYTES = Buffer.alloc(0);
const PAYLOAD_SIZES = [1, 127, 128, 4096, 4097, 16_383, 16_384, 2_097_152, 4_194_290];

describe("writeRequest", () => {
  it("writes the bytes of the wire format", () => {
    const bytes = bytesOf((output) =>
      writeRequest(
        output,
        1,
        0,
        encodeRequestHead("s.S", "M"),
        Buffer.from("0a0177", "hex"),
        encodeRequestTail(5_000_000_000n, Metadata.from({ k: ["a", "b"] })),
      ),
    );
    assert.equal(
      bytes.toString("hex"),
      [
        "00000023 00000001 01 00",
        "0a03 732e53", // service
        "1201 4d", // method
        "1a03 0a0177", // payload
        "20 80e497d012", // timeout_nano
        "2a06 0a016b 120161", // metadata
        "2a06 0a016b 120162",
      ]
        .join("")
        .replaceAll(" ", ""),
    );
  });

  for (const size of [0, ...PAYLOAD_SIZES]) {
    it(`writes a payload of ${size} bytes as the generated codec does`, () => {
      const payload = Buffer.alloc(size, 7);
      const head = encodeRequestHead("service", "Method");
      const tail = encodeRequestTail(-1n, undefined);
      const body = Request.encode({ service: "service", method: "Method", payload, timeoutNano: -1n });
      assert.equal(requestLength(head, payload, tail), body.length);
      const bytes = bytesOf((output) => writeRequest(output, 9, 2, head, payload, tail));
      assert.ok(bytes.equals(frameBytes(9, 1, 2, body)));
    });
  }
});

describe("encodeRequestTail", () => {
  const TAILS: readonly (readonly [timeoutNano: bigint, hex: string])[] = [
    [0n, ""],
    [1n, "2001"],
    [-1n, "20ffffffffffffffffff01"],
    [9223372036854775807n, "20ffffffffffffffff7f"],
    [-9223372036854775808n, "2080808080808080808001"],
  ];
  for (const [timeoutNano, hex] of TAILS) {
    it(`writes a timeout of ${timeoutNano} ns`, () => {
      assert.equal(Buffer.from(encodeRequestTail(timeoutNano, undefined)).toString("hex"), hex);
    });
  }
});

describe("writeResponse", () => {
  it("writes nothing but a header for an empty message", () => {
    assert.equal(
      bytesOf((output) => writeResponse(output, 5, NO_BYTES)).toString("hex"),
      "00000000000000050200",
    );
  });

  for (const size of PAYLOAD_SIZES) {
    it(`writes a payload of ${size} bytes as the generated codec does`, () => {
      const payload = Buffer.alloc(size, 7);
      const body = Response.encode({ payload });
      assert.equal(responseLength(payload), body.length);
      assert.ok(bytesOf((output) => writeResponse(output, 3, payload)).equals(frameBytes(3, 2, 0, body)));
    });
  }

  it("does not copy a large payload", () => {
    const output = new Output();
    const payload = Buffer.alloc(1_000_000);
    writeResponse(output, 1, payload);
    assert.ok(output.take().includes(payload));
  });
});

describe("writeStatus", () => {
  it("writes a status and no payload", () => {
    const bytes = bytesOf((output) =>
      writeStatus(output, 7, { code: 5, message: "gone", details: [] }, MAX_MESSAGE_LENGTH),
    );
    assert.equal(
      bytes.toString("hex"),
      "0000000a 00000007 02 00 0a08 0805 1204 676f6e65".replaceAll(" ", ""),
    );
  });

  it("cuts a status that does not fit into a frame", () => {
    const status = {
      code: 13,
      message: "é".repeat(3_000_000),
      details: [{ typeUrl: "x", value: Buffer.alloc(100) }],
    };
    const bytes = bytesOf((output) => writeStatus(output, 7, status, MAX_MESSAGE_LENGTH));
    assert.ok(bytes.length < 100_000);
    const response = Response.decode(bytes.subarray(10));
    assert.equal(response.status?.code, 13);
    assert.match(response.status.message, /^é{1000,}…$/);
    assert.deepEqual(response.status.details, []);
  });

  it("says so when a status has no encoding", () => {
    const status = { code: 2 ** 40, message: "odd", details: [] };
    const bytes = bytesOf((output) => writeStatus(output, 7, status, MAX_MESSAGE_LENGTH));
    const response = Response.decode(bytes.subarray(10));
    assert.equal(response.status?.code, 13);
    assert.match(response.status.message, /^cannot encode status: /);
  });
});

describe("writeData", () => {
  it("writes a message without an envelope", () => {
    const body = Buffer.from("abc");
    assert.ok(bytesOf((output) => writeData(output, 3, 0, body)).equals(frameBytes(3, 3, 0, body)));
  });
});

describe("writeEndOfStream", () => {
  it("says that no message comes with it", () => {
    assert.equal(bytesOf((output) => writeEndOfStream(output, 3)).toString("hex"), "00000000000000030305");
  });
});
