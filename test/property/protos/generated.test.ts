import assert from "node:assert/strict";

import fc from "fast-check";

import * as protos from "../../../protos/index.ts";
import type { MessageType } from "../../../protos/types.ts";
import { readProtos } from "../../../scripts/protos.ts";
import { parseProtos } from "../../../scripts/protos/model.ts";
import { decodeOrRefuse, judge } from "./oracle.ts";
import { messageTypes, type Message } from "./reflection.ts";

/** Every generated message type by its name. */
const generated = new Map<string, MessageType<Message>>(
  Object.values(protos)
    .flatMap((exported) => Object.values(exported as object) as unknown[])
    .filter(isMessageType)
    .map((type) => [type.typeName, type]),
);

function isMessageType(value: unknown): value is MessageType<Message> {
  return typeof value === "object" && value !== null && "typeName" in value && "decode" in value;
}

const declared = messageTypes(parseProtos(readProtos()));

describe("generated message types", () => {
  it("are those the .proto texts declare", () => {
    assert.deepEqual(
      [...generated.keys()].toSorted(),
      declared.map((type) => type.fullName.slice(1)).toSorted(),
    );
  });

  for (const theirs of declared) {
    const name = theirs.fullName.slice(1);
    describe(name, () => {
      const ours = generated.get(name);
      assert.ok(ours, `${name} was not generated`);
      judge(ours, theirs, 15);

      it("makes no more of any bytes than they are long", () => {
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
            const message = decodeOrRefuse(ours, bytes);
            assert.ok(extent(message) <= bytes.length);
          }),
          { numRuns: 100 },
        );
      });
    });
  }
});

/** Characters, bytes and elements in a message, all told. */
function extent(value: unknown): number {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  const elements = Array.isArray(value) ? value.length : 0;
  return Object.values(value).reduce<number>((sum, item) => sum + extent(item), elements);
}
