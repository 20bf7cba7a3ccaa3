import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { HcsError } from "../../../../hcs/errors.ts";
import { GuestConnection } from "../../../../hcs/guest/connection.ts";
import { encodeFrame } from "../../../../hcs/guest/frame.ts";

/** A stream whose other side is the test: it takes every write, and reads what the test pushes. */
function createStream(): Duplex {
  return new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
}

const MAX_FRAME_BYTES = 4096;

/** Something a guest might say: mostly frames for calls under way, with bodies from plausible to absurd. */
const types = fc.constantFrom(
  0x2010_0101,
  0x2010_0501,
  0x2010_0601,
  0x2010_0901,
  0x3010_0101,
  0x2000_0000,
  0,
);
const members = fc.dictionary(
  fc.constantFrom(
    "Result",
    "ProcessId",
    "ExitCode",
    "Properties",
    "ErrorMessage",
    "ErrorRecords",
    "ContainerId",
    "Type",
  ),
  fc.oneof(fc.integer(), fc.constantFrom(0, 1, "web", "ForcedExit", "{}"), fc.jsonValue()),
);
const body = fc.oneof(
  { weight: 4, arbitrary: members.map((value) => JSON.stringify(value)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("{}", '{"Result":0}', '{"Result":-2147467259}', '{"Result":0,"ProcessId":12}'),
  },
  { weight: 1, arbitrary: fc.string() },
);
const frame = fc
  .record({ type: fc.oneof(types, fc.nat(0xffff_ffff)), id: fc.bigInt({ min: 0n, max: 12n }), body })
  .map(({ type, id, body }) => encodeFrame(type, id, body));
const said = fc.oneof(
  { weight: 8, arbitrary: frame },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
);
const conversation = fc.array(said, { maxLength: 20 });

/** Calls of every kind, so that ids 0 to 4 are under way. */
function startCalls(connection: GuestConnection): Promise<unknown>[] {
  const config = { SchemaVersion: { Major: 2, Minor: 1 }, Container: {} };
  return [
    connection.negotiate(),
    connection.createContainer("web", config).then((container) => container.exited),
    connection.createProcess({}).then((process) => process.exited),
    connection.request("WaitForProcess", { ContainerId: "web", ProcessId: 7, TimeoutInMs: 1 }),
    connection.request("GetProperties", { ContainerId: "web", Query: "{}" }),
  ];
}

describe("GuestConnection", () => {
  it("survives whatever a guest says: it lives on or is lost, and every call settles", async () => {
    await fc.assert(
      fc.asyncProperty(conversation, fc.boolean(), async (chunks, inPieces) => {
        const stream = createStream();
        const connection = GuestConnection.open(stream, {
          os: "linux",
          name: "vm",
          listen: () => Promise.reject(new Error("nothing listens here")),
          maxFrameBytes: MAX_FRAME_BYTES,
        });
        const calls = Promise.allSettled(startCalls(connection));
        // Let createProcess open its stdio, which takes a turn, and send its request.
        await new Promise(setImmediate);
        for (const chunk of inPieces ? chunks : [Buffer.concat(chunks)]) {
          if (!stream.destroyed) stream.push(chunk);
          await new Promise(setImmediate);
        }
        await connection.close();
        const { cause } = await connection.closed;
        assert.ok(cause === "closed" || cause === "lost");
        for (const outcome of await calls) {
          if (outcome.status === "rejected")
            assert.ok(outcome.reason instanceof HcsError, String(outcome.reason));
        }
      }),
      { numRuns: 500 },
    );
  });
});
