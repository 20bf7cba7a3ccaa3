/**
 * Shapes of JSON documents as data, and the check of a value against one. A document part is described by a table;
 * the check says where a value breaks its rule.
 */

export type Shape =
  | { readonly kind: "any" }
  | { readonly kind: "boolean" }
  | { readonly kind: "string"; readonly nonEmpty: boolean }
  | { readonly kind: "absolute path" }
  | { readonly kind: "choice"; readonly values: readonly string[] }
  | { readonly kind: "integer"; readonly min: number; readonly max: number; readonly multipleOf: number }
  | { readonly kind: "list"; readonly items: Shape }
  | { readonly kind: "map"; readonly key: RegExp; readonly keyName: string; readonly values: Shape }
  | { readonly kind: "object"; readonly members: Members }
  | { readonly kind: "unsupported"; readonly reason: string };

/** Members by name; those listed by {@link required} must be present. */
export type Members = Readonly<Record<string, Shape | RequiredMember>>;

export interface RequiredMember {
  readonly required: Shape;
}

/** What is wrong: the document's form, a value out of its range, or something that is right but not available here. */
export type ViolationKind = "form" | "range" | "unsupported";

export interface Violation {
  readonly kind: ViolationKind;
  /** JSON pointer (RFC 6901) of the value, empty for the whole document. */
  readonly pointer: string;
  /** What must hold: `must be a boolean`. */
  readonly rule: string;
  /** The offending value; undefined for a member that is missing. */
  readonly value: unknown;
}

export const any: Shape = { kind: "any" };
export const boolean: Shape = { kind: "boolean" };
export const string: Shape = { kind: "string", nonEmpty: false };
export const nonEmptyString: Shape = { kind: "string", nonEmpty: true };

/** Of the emulator's own machine: with a leading slash. */
export const absolutePath: Shape = { kind: "absolute path" };

export function choice(...values: readonly string[]): Shape {
  return { kind: "choice", values };
}

/** A whole number from `min` to `max`, both included. */
export function integer(limits: { min?: number; max?: number; multipleOf?: number } = {}): Shape {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, multipleOf = 1 } = limits;
  return { kind: "integer", min, max, multipleOf };
}

export function list(items: Shape): Shape {
  return { kind: "list", items };
}

/** An object whose keys are data: each must match `key`, described for people by `keyName`. */
export function map(key: RegExp, keyName: string, values: Shape): Shape {
  return { kind: "map", key, keyName, values };
}

/** An object that has no members but these. */
export function object(members: Members): Shape {
  return { kind: "object", members };
}

export function required(shape: Shape): RequiredMember {
  return { required: shape };
}

/** Known to the platform, not provided by this backend: `reason` completes "is not supported: ". */
export function unsupported(reason: string): Shape {
  return { kind: "unsupported", reason };
}

/** The first violation, in document order; undefined for a value that has the shape. */
export function checkShape(value: unknown, shape: Shape, pointer = ""): Violation | undefined {
  const broken = (rule: string, kind: ViolationKind = "form"): Violation => ({ kind, pointer, rule, value });
  switch (shape.kind) {
    case "any":
      return undefined;
    case "boolean":
      return typeof value === "boolean" ? undefined : broken("must be a boolean");
    case "string":
      if (typeof value !== "string") return broken("must be a string");
      return shape.nonEmpty && value === "" ? broken("must not be empty", "range") : undefined;
    case "absolute path":
      if (typeof value !== "string") return broken("must be a string");
      return value.startsWith("/") ? undefined : broken("must be an absolute path", "range");
    case "choice":
      if (typeof value !== "string") return broken("must be a string");
      return shape.values.includes(value) ? undefined : broken(`must be one of ${shape.values.join(", ")}`);
    case "integer":
      return checkInteger(value, shape, broken);
    case "list":
      if (!Array.isArray(value)) return broken("must be a list");
      return firstOf(value.entries(), ([index, item]) =>
        checkShape(item, shape.items, `${pointer}/${index}`),
      );
    case "map":
      if (!isObject(value)) return broken("must be an object");
      return firstOf(Object.entries(value), ([key, item]) => {
        const at = `${pointer}/${escapePointer(key)}`;
        if (!shape.key.test(key))
          return { kind: "form", pointer: at, rule: `key must be ${shape.keyName}`, value: key };
        return checkShape(item, shape.values, at);
      });
    case "object":
      return isObject(value) ? checkMembers(value, shape.members, pointer) : broken("must be an object");
    case "unsupported":
      return broken(`is not supported: ${shape.reason}`, "unsupported");
  }
}

function checkInteger(
  value: unknown,
  shape: Shape & { kind: "integer" },
  broken: (rule: string, kind?: ViolationKind) => Violation,
): Violation | undefined {
  if (typeof value !== "number" || !Number.isInteger(value)) return broken("must be a whole number");
  if (value < shape.min || value > shape.max) {
    return broken(
      shape.max === Number.MAX_SAFE_INTEGER
        ? `must be at least ${shape.min}`
        : `must be from ${shape.min} to ${shape.max}`,
      "range",
    );
  }
  return value % shape.multipleOf === 0
    ? undefined
    : broken(`must be a multiple of ${shape.multipleOf}`, "range");
}

function checkMembers(value: object, members: Members, pointer: string): Violation | undefined {
  const entries = Object.entries(value) as [string, unknown][];
  return (
    firstOf(entries, ([name, item]) => {
      const at = `${pointer}/${escapePointer(name)}`;
      const member = Object.hasOwn(members, name) ? members[name] : undefined;
      if (member === undefined)
        return { kind: "form", pointer: at, rule: "is not a known member", value: item };
      return item === undefined
        ? undefined
        : checkShape(item, "required" in member ? member.required : member, at);
    }) ??
    firstOf(Object.entries(members), ([name, member]) =>
      "required" in member && (value as Record<string, unknown>)[name] === undefined
        ? {
            kind: "form",
            pointer: `${pointer}/${escapePointer(name)}`,
            rule: "is required",
            value: undefined,
          }
        : undefined,
    )
  );
}

function firstOf<T>(items: Iterable<T>, check: (item: T) => Violation | undefined): Violation | undefined {
  for (const item of items) {
    const violation = check(item);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

const LONGEST_VALUE = 80;

/** `/VirtualMachine/StopOnReset must be a boolean: "yes"`. Long values are cut. */
export function describeViolation({ pointer, rule, value }: Violation): string {
  const where = pointer === "" ? "the document" : pointer;
  if (value === undefined) return `${where} ${rule}`;
  const text = JSON.stringify(value) ?? typeof value;
  return `${where} ${rule}: ${text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text}`;
}
