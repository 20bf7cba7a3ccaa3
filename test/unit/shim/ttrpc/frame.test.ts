import assert from "node:assert/strict";
import {
  END_OF_STREAM,
  FRAME_FLAG,
  FRAME_TYPE,
  HEADER_LENGTH,
  MAX_MESSAGE_LENGTH,
  encodeFrame,
  oversizeText,
  readHeader,
  writeHeader,
} from "../../../../shim/ttrpc/frame.ts";

const FRAMES = [
  {
    what: "a unary request",
    frame: [1, FRAME_TYPE.request, FRAME_FLAG.none, "0a0b0c"],
    hex: "00000003 00000001 01 00 0a0b0c",
  },
  {
    what: "the request of a server-streaming call",
    frame: [3, FRAME_TYPE.request, FRAME_FLAG.remoteClosed, ""],
    hex: "00000000 00000003 01 01",
  },
  {
    what: "the request of a client-streaming call",
    frame: [5, FRAME_TYPE.request, FRAME_FLAG.remoteOpen, ""],
    hex: "00000000 00000005 01 02",
  },
  {
    what: "a success without a message",
    frame: [0xfedcba99, FRAME_TYPE.response, FRAME_FLAG.none, ""],
    hex: "00000000 fedcba99 02 00",
  },
  {
    what: "one empty message of a stream",
    frame: [1, FRAME_TYPE.data, FRAME_FLAG.none, ""],
    hex: "00000000 00000001 03 00",
  },
  {
    what: "the end of a stream",
    frame: [1, FRAME_TYPE.data, END_OF_STREAM, ""],
    hex: "00000000 00000001 03 05",
  },
  {
    what: "the end of a stream with a last message",
    frame: [257, FRAME_TYPE.data, FRAME_FLAG.remoteClosed, "ff"],
    hex: "00000001 00000101 03 01 ff",
  },
] as const;

describe("encodeFrame", () => {
  for (const { what, frame, hex } of FRAMES) {
    it(`writes ${what}`, () => {
      const [streamId, type, flags, body] = frame;
      const bytes = encodeFrame(streamId, type, flags, Buffer.from(body, "hex"));
      assert.equal(Buffer.from(bytes).toString("hex"), hex.replaceAll(" ", ""));
    });
  }
});

describe("readHeader", () => {
  for (const { what, frame, hex } of FRAMES) {
    it(`reads ${what}`, () => {
      const [streamId, type, flags, body] = frame;
      const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
      assert.deepEqual(readHeader(bytes), { length: body.length / 2, streamId, type, flags });
    });
  }

  it("reads unsigned numbers", () => {
    const bytes = Buffer.alloc(HEADER_LENGTH, 0xff);
    assert.deepEqual(readHeader(bytes), {
      length: 0xffff_ffff,
      streamId: 0xffff_ffff,
      type: 255,
      flags: 255,
    });
  });

  it("reads at an offset", () => {
    const bytes = Buffer.concat([Buffer.from("aabb", "hex"), encodeFrame(7, 2, 0, Buffer.from("01", "hex"))]);
    assert.deepEqual(readHeader(bytes, 2), { length: 1, streamId: 7, type: 2, flags: 0 });
  });

  it("refuses fewer bytes than a header has", () => {
    assert.throws(() => readHeader(Buffer.alloc(9)), { message: "cannot read frame header: 9 of 10 bytes" });
    assert.throws(() => readHeader(Buffer.alloc(12), 3), {
      message: "cannot read frame header: 9 of 10 bytes",
    });
  });
});

describe("writeHeader", () => {
  it("writes what readHeader reads", () => {
    const bytes = new Uint8Array(HEADER_LENGTH + 3);
    writeHeader(bytes, 3, 0x8102_0304, 0xfffe_fdfc, 3, 4);
    assert.deepEqual(readHeader(bytes, 3), { length: 0x8102_0304, streamId: 0xfffe_fdfc, type: 3, flags: 4 });
    assert.deepEqual([...bytes.subarray(0, 3)], [0, 0, 0]);
  });
});

describe("limits", () => {
  it("are those of every other implementation", () => {
    assert.equal(MAX_MESSAGE_LENGTH, 4194304);
    assert.equal(
      oversizeText(4194305, MAX_MESSAGE_LENGTH),
      "message length 4194305 exceed maximum message size of 4194304",
    );
  });
});
