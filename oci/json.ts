/**
 * Small readers that narrow `unknown` to what a rule needs and name the place when it is something else.
 */
import { SpecError } from "./errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 6901: `~` and `/` inside a member name are escaped. */
export function pointer(base: string, member: string | number): string {
  return `${base}/${String(member).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Reads one member: absent and `null` are `undefined`, a wrong type is a {@link SpecError}. */
function optional<T>(kind: string, test: (value: unknown) => value is T) {
  return (object: JsonObject, member: string, at: string): T | undefined => {
    const value = object[member];
    if (value === undefined || value === null) return undefined;
    if (test(value)) return value;
    throw new SpecError({ at: pointer(at, member), rule: `must be ${kind}`, value });
  };
}

export const optionalObject: (object: JsonObject, member: string, at: string) => JsonObject | undefined =
  optional("an object", isObject);
export const optionalString: (object: JsonObject, member: string, at: string) => string | undefined =
  optional("a string", (value): value is string => typeof value === "string");
export const optionalBoolean: (object: JsonObject, member: string, at: string) => boolean | undefined =
  optional("a boolean", (value): value is boolean => typeof value === "boolean");
export const optionalNumber: (object: JsonObject, member: string, at: string) => number | undefined =
  optional("a number", (value): value is number => typeof value === "number" && Number.isFinite(value));
export const optionalArray: (
  object: JsonObject,
  member: string,
  at: string,
) => readonly unknown[] | undefined = optional("an array", (value): value is readonly unknown[] =>
  Array.isArray(value),
);

export function optionalStrings(object: JsonObject, member: string, at: string): string[] | undefined {
  return optionalArray(object, member, at)?.map((value, index) => {
    if (typeof value === "string") return value;
    throw new SpecError({ at: pointer(pointer(at, member), index), rule: "must be a string", value });
  });
}

export function optionalObjects(object: JsonObject, member: string, at: string): JsonObject[] | undefined {
  return optionalArray(object, member, at)?.map((value, index) => {
    if (isObject(value)) return value;
    throw new SpecError({ at: pointer(pointer(at, member), index), rule: "must be an object", value });
  });
}
