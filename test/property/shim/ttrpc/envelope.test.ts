import assert from "node:assert/strict";
import fc from "fast-check";
import { Request, Response } from "../../../../protos/gen/ttrpc.ts";
import {
  encodeRequestHead,
  encodeRequestTail,
  requestLength,
  responseLength,
  writeRequest,
  writeResponse,
  writeStatus,
} from "../../../../shim/ttrpc/envelope.ts";
import { Metadata, RpcError, encodeFrame, statusOf } from "../../../../shim/ttrpc/index.ts";
import { Output } from "../../../../shim/ttrpc/output.ts";

const streamId = fc.nat({ max: 0xffff_ffff });
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.nat({ max: 70_000 }).map((size) => new Uint8Array(size)),
);
const pairs = fc.array(
  fc.record({ key: fc.string({ unit: "binary" }), value: fc.string({ unit: "binary" }) }),
);

function written(write: (output: Output) => void): Buffer {
  const output = new Output();
  write(output);
  const length = output.length;
  const bytes = Buffer.concat(output.take());
  assert.equal(bytes.length, length);
  return bytes;
}

describe("writeRequest", () => {
  it("writes what the generated codec writes", () => {
    fc.assert(
      fc.property(
        fc.record({
          service: fc.string({ unit: "binary" }),
          method: fc.string({ unit: "binary" }),
          payload,
          timeoutNano: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        }),
        pairs,
        streamId,
        (request, list, id) => {
          const metadata = Metadata.fromKeyValues(list);
          const head = encodeRequestHead(request.service, request.method);
          const tail = encodeRequestTail(request.timeoutNano, metadata);
          const body = Request.encode({ ...request, metadata: metadata.toKeyValues() });
          assert.equal(requestLength(head, request.payload, tail), body.length);
          const bytes = written((output) => writeRequest(output, id, 2, head, request.payload, tail));
          assert.ok(bytes.equals(encodeFrame(id, 1, 2, body)));
        },
      ),
    );
  });
});

describe("writeResponse", () => {
  it("writes what the generated codec writes", () => {
    fc.assert(
      fc.property(payload, streamId, (bytes, id) => {
        const body = Response.encode({ payload: bytes });
        assert.equal(responseLength(bytes), body.length);
        assert.ok(written((output) => writeResponse(output, id, bytes)).equals(encodeFrame(id, 2, 0, body)));
      }),
    );
  });
});

describe("writeStatus", () => {
  it("never writes a frame over the limit, nor one of success, whatever was thrown", () => {
    const LIMIT = 2000;
    const thrown = fc.oneof(
      fc.anything(),
      fc.string({ maxLength: 5000 }).map((text) => new Error(text)),
      fc
        .tuple(fc.double(), fc.string({ unit: "binary", maxLength: 5000 }))
        .map(([code, text]) => new RpcError(code, text)),
    );
    fc.assert(
      fc.property(thrown, (error) => {
        const bytes = written((output) => writeStatus(output, 1, statusOf(error), LIMIT));
        assert.ok(bytes.length <= LIMIT + 10);
        const { status, payload: none } = Response.decode(bytes.subarray(10));
        assert.ok(status !== undefined && status.code !== 0);
        assert.equal(none.length, 0);
      }),
    );
  });
});

describe("Metadata", () => {
  it("gives back every value of every key, in order", () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const metadata = Metadata.fromKeyValues(list);
        for (const { key } of list) {
          const expected = list
            .filter((pair) => pair.key.toLowerCase() === key.toLowerCase())
            .map(({ value }) => value);
          assert.deepEqual(metadata.getAll(key), expected);
          assert.equal(metadata.get(key), expected[0]);
        }
        assert.equal(metadata.toKeyValues().length, list.length);
      }),
    );
  });
});
