/**
 * How annotation values are read. Values are strings that are never trimmed; what does not parse is reported as
 * a warning and treated as absent, because that is how runtimes have always behaved and clusters depend on it.
 */

/** A value type: its name for people, and a parser that answers `undefined` for what it does not accept. */
export interface ValueType<T> {
  readonly name: string;
  readonly parse: (text: string) => T | undefined;
}

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

function integer(name: string, pattern: RegExp, minimum: bigint, maximum: bigint): ValueType<bigint> {
  return {
    name,
    parse: (text) => {
      if (!pattern.test(text)) return undefined;
      const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
      return value < minimum || value > maximum ? undefined : value;
    },
  };
}

function narrowed(type: ValueType<bigint>): ValueType<number> {
  return {
    name: type.name,
    parse: (text) => {
      const value = type.parse(text);
      return value === undefined ? undefined : Number(value);
    },
  };
}

const SIGNED = /^[+-]?[0-9]+$/;
const UNSIGNED = /^[0-9]+$/;

export const boolean: ValueType<boolean> = {
  name: "boolean",
  parse: (text) => (TRUE.has(text) ? true : FALSE.has(text) ? false : undefined),
};

export const int32: ValueType<number> = narrowed(integer("int32", SIGNED, -(2n ** 31n), 2n ** 31n - 1n));
export const uint32: ValueType<number> = narrowed(integer("uint32", UNSIGNED, 0n, 2n ** 32n - 1n));

/** Beyond 2^53 a size in MiB or bytes names nothing that exists: such values are refused rather than rounded. */
export const uint64: ValueType<number> = narrowed(
  integer("uint64", UNSIGNED, 0n, BigInt(Number.MAX_SAFE_INTEGER)),
);

export const string: ValueType<string> = { name: "string", parse: (text) => text };
