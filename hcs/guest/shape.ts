/**
 * Small readers for JSON that a guest wrote. A guest is not trusted: each member that the host looks at has
 * its type and range checked here, members it does not look at are left behind.
 */

/** JSON that does not have the shape the protocol gives it. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** True for what reading somebody else's JSON may throw: not JSON at all, or not the right one. */
export function isMalformed(error: unknown): error is ShapeError | SyntaxError {
  return error instanceof ShapeError || error instanceof SyntaxError;
}

/** Turns a JSON value into a `T` or throws `ShapeError`; `path` says where in the document the value is. */
export type Read<T> = (value: unknown, path: string) => T;

type Members = Readonly<Record<string, Read<unknown>>>;
type Required<M extends Members> = { [Key in keyof M]: ReturnType<M[Key]> };
type Optional<M extends Members> = { [Key in keyof M]?: ReturnType<M[Key]> };

export const text: Read<string> = (value, path) => {
  if (typeof value !== "string") throw mismatch(path, "a string", value);
  return value;
};

export const flag: Read<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw mismatch(path, "a boolean", value);
  return value;
};

/** An integer from `min` to `max`, both included and both within 2^53. */
export function integer(min: number, max: number): Read<number> {
  return (value, path) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      throw mismatch(path, `an integer from ${min} to ${max}`, value);
    }
    return value;
  };
}

export const uint32: Read<number> = integer(0, 0xffff_ffff);

/** 32 bits, signed or not: guests differ in how they print result and exit codes. */
export const bits32: Read<number> = integer(-0x8000_0000, 0xffff_ffff);

const MAX_UINT64 = 2n ** 64n - 1n;

/** A non-negative integer of up to 64 bits; `parseJson` makes it a `bigint` where it must. */
export const count: Read<number | bigint> = (value, path) => {
  if (typeof value === "bigint" && value >= 0n && value <= MAX_UINT64) return value;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw mismatch(path, "a non-negative integer of 64 bits", value);
};

export function list<T>(item: Read<T>): Read<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw mismatch(path, "an array", value);
    return value.map((element, index) => item(element, `${path}/${index}`));
  };
}

/** An object; members of `required` must be there, those of `optional` may be absent or `null`. */
export function object<R extends Members, O extends Members>(
  required: R,
  optional: O,
): Read<Required<R> & Optional<O>> {
  const readers = [
    ...Object.entries(required).map(([key, read]) => ({ key, read, needed: true })),
    ...Object.entries(optional).map(([key, read]) => ({ key, read, needed: false })),
  ];
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw mismatch(path, "an object", value);
    }
    const source = value as Readonly<Record<string, unknown>>;
    const result: Record<string, unknown> = {};
    for (const { key, read, needed } of readers) {
      const member = Object.hasOwn(source, key) ? (source[key] ?? undefined) : undefined;
      if (member !== undefined) result[key] = read(member, `${path}/${key}`);
      else if (needed) throw new ShapeError(`${path}/${key} is missing`);
    }
    return result as Required<R> & Optional<O>;
  };
}

/** An object all of whose members may be absent. */
export function members<O extends Members>(optional: O): Read<Optional<O>> {
  return object({}, optional);
}

function mismatch(path: string, expected: string, value: unknown): ShapeError {
  const actual = Array.isArray(value) ? "an array" : value === null ? "null" : describe(value);
  return new ShapeError(`${path === "" ? "document" : path} is ${actual}, expected ${expected}`);
}

function describe(value: unknown): string {
  switch (typeof value) {
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    case "string":
      return "a string";
    default:
      return "an object";
  }
}
