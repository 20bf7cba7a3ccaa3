/**
 * protobufjs as the judge: it encodes and decodes by reflection over the same .proto texts, with none of our
 * code. Here are random messages for it, in our shape, and the way between the two shapes.
 */
import fc from "fast-check";
import protobuf from "protobufjs";

import { fieldName } from "../../../scripts/protos/fields.ts";

/** What protobufjs uses for 64-bit numbers; its declarations do not say so. */
const Long = protobuf.util.Long as unknown as { fromString(text: string, unsigned: boolean): object };

/** A message in our shape. */
export type Message = Record<string, unknown>;

const WIDE = new Set(["int64", "uint64", "sint64", "fixed64", "sfixed64"]);

/** The field's name in our shape. */
export function propertyOf(field: protobuf.Field): string {
  return fieldName(field.name);
}

/** Whether a value of the field is on the wire: always, if its absence means something, else unless it is the default. */
export function isWritten(field: protobuf.Field, value: unknown): boolean {
  return value !== undefined && (hasPresence(field) || !isDefault(value));
}

/** Whether a value is told from absence: in a oneof, `optional`, or a message. */
function hasPresence(field: protobuf.Field): boolean {
  return field.hasPresence || field.resolvedType instanceof protobuf.Type;
}

const SCALARS: Record<string, fc.Arbitrary<unknown>> = {
  double: fc.double(),
  float: fc.float(),
  int32: signed(32).map(Number),
  sint32: signed(32).map(Number),
  sfixed32: signed(32).map(Number),
  uint32: unsigned(32).map(Number),
  fixed32: unsigned(32).map(Number),
  int64: signed(64),
  sint64: signed(64),
  sfixed64: signed(64),
  uint64: unsigned(64),
  fixed64: unsigned(64),
  bool: fc.boolean(),
  // Code points without lone surrogates, which have no UTF-8.
  string: fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ minLength: 100, maxLength: 200 })),
  bytes: fc.uint8Array({ maxLength: 300 }),
};

function signed(bits: number): fc.Arbitrary<bigint> {
  const limit = 2n ** BigInt(bits - 1);
  return fc.oneof(
    fc.constantFrom(-limit, limit - 1n, -1n, 0n, 1n),
    fc.bigInt({ min: -limit, max: limit - 1n }),
  );
}

function unsigned(bits: number): fc.Arbitrary<bigint> {
  const limit = 2n ** BigInt(bits);
  return fc.oneof(fc.constantFrom(0n, 127n, 128n, limit - 1n), fc.bigInt({ min: 0n, max: limit - 1n }));
}

/** Messages of a type, with all fields set as often as with few. */
export function messages(type: protobuf.Type, depth: number = 4): fc.Arbitrary<Message> {
  const free = type.fieldsArray.filter((field) => choice(field) === undefined);
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of free) members[propertyOf(field)] = fieldValues(field, depth);
  const choices = type.oneofsArray
    .filter((oneof) => oneof.fieldsArray.length > 1)
    .map((oneof) => oneofValues(oneof, depth));
  return fc
    .tuple(fc.record(members, { noNullPrototype: true }), ...choices)
    .map((parts) => Object.assign({}, ...parts) as Message);
}

/** The oneof a field is a member of, unless it is the hidden one of an `optional` field. */
function choice(field: protobuf.Field): protobuf.OneOf | undefined {
  return field.partOf !== null && field.partOf.fieldsArray.length > 1 ? field.partOf : undefined;
}

function oneofValues(oneof: protobuf.OneOf, depth: number): fc.Arbitrary<Message> {
  const absent = Object.fromEntries(oneof.fieldsArray.map((field) => [propertyOf(field), undefined]));
  const each = oneof.fieldsArray.map((field) =>
    oneValues(field, depth).map((value) => ({ ...absent, [propertyOf(field)]: value })),
  );
  return fc.oneof(fc.constant(absent), ...each);
}

function fieldValues(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  const isMessage = field.resolvedType instanceof protobuf.Type;
  const beyond = isMessage && depth === 0;
  if (field instanceof protobuf.MapField) {
    if (beyond) return fc.constant({});
    // protobufjs drops the key __proto__; what we do with it has tests of its own.
    const keys = fc.string({ unit: "binary" }).filter((key) => key !== "__proto__");
    return fc.dictionary(keys, oneValues(field, depth), { maxKeys: 3, noNullPrototype: true });
  }
  if (field.repeated)
    return beyond ? fc.constant([]) : fc.array(oneValues(field, depth), { maxLength: isMessage ? 2 : 5 });
  if (beyond) return fc.constant(undefined);
  return hasPresence(field)
    ? fc.option(oneValues(field, depth), { nil: undefined, freq: 2 })
    : oneValues(field, depth);
}

function oneValues(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  const type = field.resolvedType;
  if (type instanceof protobuf.Type) return messages(type, depth - 1);
  if (type instanceof protobuf.Enum) {
    return fc.oneof(fc.constantFrom(...Object.values(type.values)), signed(32).map(Number));
  }
  const scalar = SCALARS[field.type];
  if (scalar === undefined) throw new Error(`no values of type ${field.type}`);
  return scalar;
}

/** Our message as protobufjs wants it: own names, Long for 64 bits, and nothing at all for defaults. */
export function toReflection(type: protobuf.Type, message: Message): protobuf.Message {
  const properties: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    const value = message[propertyOf(field)];
    if (isWritten(field, value)) properties[field.name] = mapValue(field, value, toOne);
  }
  return type.create(properties);
}

/** What protobufjs decoded as our message, defaults filled in. */
export function fromReflection(type: protobuf.Type, decoded: object): Message {
  const result: Message = {};
  for (const field of type.fieldsArray) {
    const value = Object.hasOwn(decoded, field.name) ? (decoded as Message)[field.name] : undefined;
    result[propertyOf(field)] =
      value === undefined || value === null ? fallback(field) : mapValue(field, value, fromOne);
  }
  return result;
}

function isDefault(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === "" || value === false || value === 0n || Object.is(value, 0);
}

function fallback(field: protobuf.Field): unknown {
  if (field instanceof protobuf.MapField) return {};
  if (field.repeated) return [];
  if (hasPresence(field)) return undefined;
  if (field.resolvedType instanceof protobuf.Enum) return 0;
  if (WIDE.has(field.type)) return 0n;
  return { string: "", bool: false, bytes: new Uint8Array(0) }[field.type] ?? 0;
}

function mapValue(
  field: protobuf.Field,
  value: unknown,
  one: (field: protobuf.Field, value: unknown) => unknown,
): unknown {
  if (field instanceof protobuf.MapField) {
    return Object.fromEntries(Object.entries(value as Message).map(([key, item]) => [key, one(field, item)]));
  }
  return field.repeated ? (value as unknown[]).map((item) => one(field, item)) : one(field, value);
}

function toOne(field: protobuf.Field, value: unknown): unknown {
  if (field.resolvedType instanceof protobuf.Type) return toReflection(field.resolvedType, value as Message);
  return typeof value === "bigint"
    ? Long.fromString(value.toString(), value >= 0n && field.type.includes("u"))
    : value;
}

function fromOne(field: protobuf.Field, value: unknown): unknown {
  if (field.resolvedType instanceof protobuf.Type) return fromReflection(field.resolvedType, value as object);
  if (WIDE.has(field.type)) return BigInt(String(value));
  // Reflection gives a Buffer; ours is a plain Uint8Array.
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}

/** The message types of a root, except those that stand for map entries. */
export function messageTypes(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((object) => {
    const within =
      object instanceof protobuf.Namespace || object instanceof protobuf.Type ? messageTypes(object) : [];
    return object instanceof protobuf.Type ? [object, ...within] : within;
  });
}
