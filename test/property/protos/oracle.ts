/** The properties by which protobufjs judges a message type; for suites to apply to their types. */
import assert from "node:assert/strict";

import fc from "fast-check";
import protobuf from "protobufjs";

import type { MessageType } from "../../../protos/types.ts";
import { fromReflection, isWritten, messages, propertyOf, toReflection, type Message } from "./reflection.ts";

/** Declares the properties of one type. `numRuns` applies to each. */
export function judge(ours: MessageType<Message>, theirs: protobuf.Type, numRuns: number): void {
  const any = messages(theirs);

  it("reads what it wrote", () => {
    fc.assert(
      fc.property(any, (message) => assert.deepEqual(ours.decode(ours.encode(message)), message)),
      { numRuns },
    );
  });

  it("writes what protobufjs reads", () => {
    fc.assert(
      fc.property(any, (message) => {
        assert.deepEqual(fromReflection(theirs, theirs.decode(ours.encode(message))), message);
      }),
      { numRuns },
    );
  });

  it("reads what protobufjs writes", () => {
    fc.assert(
      fc.property(any, (message) => {
        assert.deepEqual(ours.decode(theirs.encode(toReflection(theirs, message)).finish()), message);
      }),
      { numRuns },
    );
  });

  it("writes the same bytes as protobufjs, but for the order of map entries", () => {
    fc.assert(
      fc.property(any, (message) => {
        const encoded = ours.encode(message);
        const expected = theirs.encode(toReflection(theirs, message)).finish();
        assert.equal(encoded.length, expected.length);
        if (!hasSeveralKeys(theirs, message)) assert.deepEqual(encoded, new Uint8Array(expected));
      }),
      { numRuns },
    );
  });

  it("merges messages written one after another", () => {
    fc.assert(
      fc.property(any, any, (first, second) => {
        const whole = Buffer.concat([ours.encode(first), ours.encode(second)]);
        assert.deepEqual(ours.decode(whole), merge(theirs, first, second));
      }),
      { numRuns },
    );
  });

  it("answers anything cut short or garbled with a message or a WireError", () => {
    const garbled = fc.tuple(any, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }))), fc.nat());
    fc.assert(
      fc.property(garbled, ([message, changes, cut]) => {
        const bytes = ours.encode(message);
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        decodeOrRefuse(ours, bytes);
        decodeOrRefuse(ours, bytes.subarray(0, bytes.length === 0 ? 0 : cut % bytes.length));
      }),
      { numRuns },
    );
  });
}

/** Decodes, and requires that what fails does so with a WireError. */
export function decodeOrRefuse(type: MessageType<Message>, bytes: Uint8Array): Message | undefined {
  try {
    return type.decode(bytes);
  } catch (error) {
    // By name: a module generated outside the repository has its own copy of the class.
    assert.equal((error as Error).name, "WireError", String(error));
    return undefined;
  }
}

function hasSeveralKeys(type: protobuf.Type, message: Message): boolean {
  return type.fieldsArray.some((field) => {
    const value = message[propertyOf(field)];
    if (value === undefined) return false;
    if (field instanceof protobuf.MapField && Object.keys(value as object).length > 1) return true;
    const inner = field.resolvedType;
    if (!(inner instanceof protobuf.Type)) return false;
    const items =
      field instanceof protobuf.MapField
        ? Object.values(value as object)
        : field.repeated
          ? (value as unknown[])
          : [value];
    return items.some((item) => hasSeveralKeys(inner, item as Message));
  });
}

/** What the protobuf specification wants: lists joined, maps and messages united, else the later value if it is set. */
function merge(type: protobuf.Type, first: Message, second: Message): Message {
  const result: Message = { ...first };
  for (const field of type.fieldsArray) {
    const name = propertyOf(field);
    const [before, after] = [first[name], second[name]];
    if (field instanceof protobuf.MapField) result[name] = { ...(before as object), ...(after as object) };
    else if (field.repeated) result[name] = [...(before as unknown[]), ...(after as unknown[])];
    else if (field.resolvedType instanceof protobuf.Type && before !== undefined && after !== undefined) {
      result[name] = merge(field.resolvedType, before as Message, after as Message);
    } else if (isWritten(field, after)) {
      for (const rival of field.partOf?.fieldsArray ?? []) result[propertyOf(rival)] = undefined;
      result[name] = after;
    }
  }
  return result;
}
