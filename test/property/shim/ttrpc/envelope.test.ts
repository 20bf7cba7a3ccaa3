import assert from "node:assert/strict";
import fc from "fast-check";
import { Any } from "../../../../protos/gen/google.ts";
import { Request, Response } from "../../../../protos/gen/ttrpc.ts";
import {
  RequestReader,
  encodeRequestHead,
  encodeRequestTail,
  requestLength,
  responseLength,
  writeReply,
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

describe("writeReply", () => {
  it("writes what the generated codec writes, one reply behind the other, and none over the limit", () => {
    const LIMIT = 20_000;
    const replies = fc.array(
      fc
        .tuple(fc.string({ unit: "binary", maxLength: 6000 }), payload)
        .map(([typeUrl, value]) => ({ typeUrl, value })),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(replies, streamId, (list, id) => {
        const bodies = list.map((reply) => Response.encode({ payload: Any.encode(reply) }));
        const bytes = written((output) => {
          for (const [index, reply] of list.entries())
            assert.equal(writeReply(output, id, Any, reply, LIMIT), bodies[index]?.length);
        });
        const fitting = bodies.filter(({ length }) => length <= LIMIT);
        assert.ok(bytes.equals(Buffer.concat(fitting.map((body) => encodeFrame(id, 2, 0, body)))));
      }),
    );
  });
});

describe("RequestReader", () => {
  const name = fc.oneof(fc.constantFrom("a.Service", "Method", ""), fc.string({ unit: "binary" }));
  const request = fc.record({
    service: name,
    method: name,
    payload,
    timeoutNano: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    metadata: pairs,
  });

  /** What the reader found, as the generated codec would have it. */
  function found(reader: RequestReader, body: Uint8Array): Request {
    const { service, method, timeoutNano, metadata } = reader;
    const content = new Uint8Array(body.subarray(reader.payloadStart, reader.payloadEnd));
    return { service, method, payload: content, timeoutNano, metadata: [...metadata] };
  }

  function expected(body: Uint8Array): Request {
    const decoded = Request.decode(body);
    return { ...decoded, payload: new Uint8Array(decoded.payload) };
  }

  it("reads what the generated codec reads, whatever was read before", () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 8 }), (requests) => {
        const reader = new RequestReader();
        for (const one of [...requests, ...requests]) {
          const body = Request.encode(one);
          reader.read(body);
          assert.deepEqual(found(reader, body), expected(body));
        }
      }),
    );
  });

  it("reads fields in any order and number, or refuses what the generated codec refuses", () => {
    const field = fc.oneof(
      name.map((service) => Request.encode({ service })),
      name.map((method) => Request.encode({ method })),
      request.map((whole) => Request.encode(whole)),
      fc.uint8Array({ maxLength: 8 }),
    );
    const body = fc.array(field, { maxLength: 6 }).map((parts) => new Uint8Array(Buffer.concat(parts)));
    fc.assert(
      fc.property(fc.array(body, { minLength: 1, maxLength: 6 }), (bodies) => {
        const reader = new RequestReader();
        for (const one of [...bodies, ...bodies]) {
          let theirs: Request;
          try {
            theirs = expected(one);
          } catch {
            assert.throws(() => reader.read(one));
            continue;
          }
          reader.read(one);
          assert.deepEqual(found(reader, one), theirs);
        }
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
