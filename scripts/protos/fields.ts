/** What each kind of protobuf field is in TypeScript, and which statements write and read it. */
import protobuf from "protobufjs";

/** How a scalar type is handled. The methods of `Reader` and `Writer` have the names of the types. */
interface Scalar {
  readonly type: "string" | "number" | "bigint" | "boolean" | "Uint8Array";
  readonly wireType: number;
  readonly fallback: string;
}

const SCALARS: Readonly<Record<string, Scalar>> = {
  double: { type: "number", wireType: 1, fallback: "0" },
  float: { type: "number", wireType: 5, fallback: "0" },
  int32: { type: "number", wireType: 0, fallback: "0" },
  uint32: { type: "number", wireType: 0, fallback: "0" },
  sint32: { type: "number", wireType: 0, fallback: "0" },
  fixed32: { type: "number", wireType: 5, fallback: "0" },
  sfixed32: { type: "number", wireType: 5, fallback: "0" },
  int64: { type: "bigint", wireType: 0, fallback: "0n" },
  uint64: { type: "bigint", wireType: 0, fallback: "0n" },
  sint64: { type: "bigint", wireType: 0, fallback: "0n" },
  fixed64: { type: "bigint", wireType: 1, fallback: "0n" },
  sfixed64: { type: "bigint", wireType: 1, fallback: "0n" },
  bool: { type: "boolean", wireType: 0, fallback: "false" },
  string: { type: "string", wireType: 2, fallback: '""' },
  bytes: { type: "Uint8Array", wireType: 2, fallback: "NO_BYTES" },
};

const LENGTH_DELIMITED = 2;

/** The texts that generated code needs for one field. */
export interface FieldCode {
  readonly type: string;
  /** Its value in a new message. */
  readonly fallback: string;
  /** Statement that appends it to `writer`, unless it is at its default. */
  readonly write: string;
  /** Tag → statements that read it from `reader`. */
  readonly read: readonly (readonly [tag: number, statement: string])[];
}

/** Resolves a message or enum to the identifier it has in the module being emitted. */
export type Naming = (type: protobuf.Type | protobuf.Enum) => string;

/** `exit_status` → `exitStatus`: underscores go, what follows them is capitalised, as protoc's JSON names. */
export function fieldName(protoName: string): string {
  return protoName.replace(/_+(.?)/g, (_match, next: string) => next.toUpperCase());
}

/** Not by shifting: numbers from 2^28 on would turn negative. */
function tagOf(number: number, wireType: number): number {
  return number * 8 + wireType;
}

export function fieldCode(field: protobuf.Field, naming: Naming): FieldCode {
  const property = `message.${fieldName(field.name)}`;
  const value = valueCode(field, naming);
  const tag = tagOf(field.id, value.wireType);
  if (field instanceof protobuf.MapField) return mapCode(field, property, value);
  if (field.repeated) return repeatedCode(field, property, value);

  const others = (field.partOf?.fieldsArray ?? []).filter((other) => other !== field);
  const clear = others.map((other) => `\nmessage.${fieldName(other.name)} = undefined;`);
  const present = field.hasPresence || value.isMessage;
  const condition = present ? `${property} !== undefined` : isSet(field.type, value, property);
  const read = value.isMessage ? value.read("reader", property) : value.read("reader");
  return {
    type: present ? `${value.type} | undefined` : value.type,
    fallback: present ? "undefined" : value.fallback,
    write: `if (${condition}) writer.tag(${tag}).${value.write(property)};`,
    read: [[tag, `${property} = ${read};${clear.join("")}`]],
  };
}

interface ValueCode {
  readonly type: string;
  readonly wireType: number;
  readonly fallback: string;
  readonly isMessage: boolean;
  /** Call on a writer. */
  readonly write: (value: string) => string;
  readonly read: (reader: string, into?: string) => string;
}

/** One value of the field's type, be the field singular, repeated or a map. */
function valueCode(field: protobuf.Field, naming: Naming): ValueCode {
  const type = field.resolvedType;
  if (type instanceof protobuf.Type) {
    const name = naming(type);
    return {
      type: name,
      wireType: LENGTH_DELIMITED,
      fallback: `${name}.create()`,
      isMessage: true,
      write: (value) => `message(${name}, ${value})`,
      read: (reader, into) => `${reader}.message(${into === undefined ? name : `${name}, ${into}`})`,
    };
  }
  const method = type instanceof protobuf.Enum ? "int32" : field.type;
  const scalar = SCALARS[method];
  if (scalar === undefined)
    throw new Error(`cannot generate ${field.fullName}: type ${field.type} is not supported`);
  return {
    type: type instanceof protobuf.Enum ? naming(type) : scalar.type,
    wireType: scalar.wireType,
    fallback: scalar.fallback,
    isMessage: false,
    write: (value) => `${method}(${value})`,
    read: (reader) => `${reader}.${method}()`,
  };
}

/** Condition under which a field without presence is written: it differs from the default, bit for bit. */
function isSet(protoType: string, value: ValueCode, property: string): string {
  switch (value.fallback) {
    case '""':
    case "false":
      return property;
    case "NO_BYTES":
      return `${property}?.length`;
    default:
      if (protoType !== "double" && protoType !== "float")
        return `${property} !== undefined && ${property} !== ${value.fallback}`;
      return `${property} !== undefined && !Object.is(${property}, 0)`;
  }
}

function repeatedCode(field: protobuf.Field, property: string, value: ValueCode): FieldCode {
  const type = `${value.type}[]`;
  const tag = tagOf(field.id, value.wireType);
  const push = `${property}.push(${value.read("reader")});`;
  if (value.wireType === LENGTH_DELIMITED) {
    return {
      type,
      fallback: "[]",
      write: `if (${property}) for (const item of ${property}) writer.tag(${tag}).${value.write("item")};`,
      read: [[tag, push]],
    };
  }
  const packed = tagOf(field.id, LENGTH_DELIMITED);
  return {
    type,
    fallback: "[]",
    write: [
      `if (${property}?.length) {`,
      `  const start = writer.tag(${packed}).open();`,
      `  for (const item of ${property}) writer.${value.write("item")};`,
      "  writer.close(start);",
      "}",
    ].join("\n"),
    read: [
      [tag, push],
      [packed, `reader.packed(() => ${property}.push(${value.read("reader")}));`],
    ],
  };
}

function mapCode(field: protobuf.MapField, property: string, value: ValueCode): FieldCode {
  if (field.keyType !== "string") {
    throw new Error(
      `cannot generate ${field.fullName}: keys of type ${field.keyType} are not supported, string is`,
    );
  }
  const tag = tagOf(field.id, LENGTH_DELIMITED);
  const valueTag = tagOf(2, value.wireType);
  return {
    type: `Record<string, ${value.type}>`,
    fallback: "{}",
    write: `if (${property}) writeMap(writer, ${tag}, ${property}, (entry, value) => entry.tag(${valueTag}).${value.write("value")});`,
    read: [
      [
        tag,
        `readMapEntry(reader, ${property}, ${valueTag}, (entry) => ${value.read("entry")}, () => ${value.fallback});`,
      ],
    ],
  };
}
