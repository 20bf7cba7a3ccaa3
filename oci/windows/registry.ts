/**
 * Registry values that an annotation asks for: a JSON array, of which only values under an allow-list of keys are
 * taken.
 */
import type { RegistryHive, RegistryValue, RegistryValueType } from "../../hcs/schema/registry.ts";
import type { AnnotationRow } from "../annotations/catalogue.ts";
import type { AnnotationReader } from "../annotations/read.ts";
import { isObject, type JsonObject } from "../json.ts";

const HIVES: readonly string[] = ["System", "Software", "Security", "Sam"] satisfies RegistryHive[];

const TYPES: readonly string[] = [
  "None",
  "String",
  "ExpandedString",
  "MultiString",
  "Binary",
  "DWord",
  "QWord",
  "CustomType",
] satisfies RegistryValueType[];

/** Hive → beginnings of key names, of which one has to match in any letter case. */
const ALLOWED_KEYS: Readonly<Record<string, readonly string[]>> = {
  System: ["CurrentControlSet\\Services", "CurrentControlSet\\Policies", "Software"],
  Software: [""],
};

/** Every member of a value, zero where the JSON has none. */
interface Draft {
  readonly key: { readonly hive: string; readonly name: string; readonly volatile: boolean } | undefined;
  readonly name: string;
  readonly type: string;
  readonly stringValue: string;
  readonly binaryValue: string;
  readonly dwordValue: number;
  readonly qwordValue: number;
  readonly customType: number;
}

/** One check per row, in this order. */
const CHECKS: readonly (readonly [why: string, passes: (value: Draft) => boolean])[] = [
  ["no Key", ({ key }) => key !== undefined],
  ["unknown Hive", ({ key }) => HIVES.includes(key?.hive ?? "")],
  ["no Key.Name", ({ key }) => key?.name !== ""],
  ["no Name", ({ name }) => name !== ""],
  ["unknown Type", ({ type }) => TYPES.includes(type)],
  ["more than one value field", (value) => valueFields(value) <= 1],
  ["key outside the allowed list", ({ key }) => isAllowed(key?.hive ?? "", key?.name ?? "")],
];

/** The values of an annotation that may be set; the others are dropped with a warning each. */
export function registryValues(reader: AnnotationReader, row: AnnotationRow<string>): RegistryValue[] {
  const text = reader.read(row);
  if (text === undefined || text === "") return [];
  const drafts = readDrafts(text);
  if (drafts === undefined) {
    reader.warnings.push({
      kind: "annotation-unparsable",
      at: `annotation ${row.key}`,
      message: "ignored: must be a JSON array of registry values",
      value: text,
    });
    return [];
  }
  return drafts.flatMap((draft, index) => {
    const failed = CHECKS.find(([, passes]) => !passes(draft));
    if (failed === undefined) return [registryValue(draft)];
    const [why] = failed;
    reader.warnings.push({
      at: `annotation ${row.key}`,
      kind: "registry-value-rejected",
      why,
      message: `value ${index} is not set: ${why}`,
    });
    return [];
  });
}

function valueFields({ stringValue, binaryValue, dwordValue, qwordValue }: Draft): number {
  return [stringValue !== "", binaryValue !== "", dwordValue !== 0, qwordValue !== 0].filter(Boolean).length;
}

function isAllowed(hive: string, name: string): boolean {
  const lower = name.toLowerCase();
  return (ALLOWED_KEYS[hive] ?? []).some((prefix) => lower.startsWith(prefix.toLowerCase()));
}

function registryValue(draft: Draft): RegistryValue {
  return {
    Key: {
      Hive: draft.key?.hive as RegistryHive,
      Name: draft.key?.name ?? "",
      ...(draft.key?.volatile === true ? { Volatile: true } : {}),
    },
    Name: draft.name,
    Type: draft.type as RegistryValueType,
    ...(draft.stringValue === "" ? {} : { StringValue: draft.stringValue }),
    ...(draft.binaryValue === "" ? {} : { BinaryValue: draft.binaryValue }),
    ...(draft.dwordValue === 0 ? {} : { DWordValue: draft.dwordValue }),
    ...(draft.qwordValue === 0 ? {} : { QWordValue: draft.qwordValue }),
    ...(draft.customType === 0 ? {} : { CustomType: draft.customType }),
  };
}

/** @returns undefined when the text is not an array of such values */
function readDrafts(text: string): Draft[] | undefined {
  try {
    const values: unknown = JSON.parse(text);
    if (values === null) return [];
    return Array.isArray(values) ? values.map(readDraft) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof WrongType) return undefined;
    throw error;
  }
}

class WrongType extends Error {}

function readDraft(value: unknown): Draft {
  if (!isObject(value)) throw new WrongType("not an object");
  const key = member(value, "Key");
  if (key !== undefined && !isObject(key)) throw new WrongType("Key is not an object");
  return {
    key: key && {
      hive: text(key, "Hive"),
      name: text(key, "Name"),
      volatile: typed(key, "Volatile", "boolean", false),
    },
    name: text(value, "Name"),
    type: text(value, "Type"),
    stringValue: text(value, "StringValue"),
    binaryValue: text(value, "BinaryValue"),
    dwordValue: int32(value, "DWordValue"),
    qwordValue: int32(value, "QWordValue"),
    customType: int32(value, "CustomType"),
  };
}

/** In any letter case; the last of several wins. Null is as good as absent. */
function member(object: JsonObject, name: string): unknown {
  const lower = name.toLowerCase();
  const found = Object.keys(object).findLast((key) => key.toLowerCase() === lower);
  return found === undefined ? undefined : (object[found] ?? undefined);
}

function typed<T extends string | number | boolean>(
  object: JsonObject,
  name: string,
  type: string,
  absent: T,
): T {
  const value = member(object, name);
  if (value === undefined) return absent;
  if (typeof value !== type) throw new WrongType(`${name} is not a ${type}`);
  return value as T;
}

function text(object: JsonObject, name: string): string {
  return typed(object, name, "string", "");
}

function int32(object: JsonObject, name: string): number {
  const value = typed(object, name, "number", 0);
  if ((value | 0) !== value) throw new WrongType(`${name} does not fit 32 bits`);
  return value;
}
