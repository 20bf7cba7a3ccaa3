/**
 * How annotation values are read. Values are strings that are never trimmed; what does not parse is reported as
 * a warning and treated as absent, because that is how runtimes have always behaved and clusters depend on it.
 */

import type { WarningKind } from "../errors.ts";

/** A value type: its name for people, and a parser that answers `undefined` for what it does not accept. */
export interface ValueType<T> {
  readonly name: string;
  readonly parse: (text: string) => T | undefined;
  /** Text that stands for "not set", without a warning. */
  readonly absent?: string;
  /** Of a list: the type of its elements. */
  readonly element?: string;
  /** Told of text that does not parse; absent: `annotation-unparsable`. */
  readonly warning?: WarningKind;
}

/** An unsigned 64-bit number; a `bigint` only where a `number` would round it. */
export type Uint64 = number | bigint;

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

function mapped<T, U>(type: ValueType<T>, map: (value: T) => U): ValueType<U> {
  return {
    name: type.name,
    parse: (text) => {
      const value = type.parse(text);
      return value === undefined ? undefined : map(value);
    },
  };
}

/** Every element must parse; elements are not trimmed, so `1, 2` is no list. */
function listOf<T>(type: ValueType<T>): ValueType<readonly T[]> {
  return {
    name: `list of ${type.name}`,
    element: type.name,
    absent: "",
    parse: (text) => {
      const values = text.split(",").map((element) => type.parse(element));
      return values.every((value) => value !== undefined) ? values : undefined;
    },
  };
}

const SIGNED = /^[+-]?[0-9]+$/;
const UNSIGNED = /^[0-9]+$/;
const MOST_UINT64 = 2n ** 64n - 1n;

export const boolean: ValueType<boolean> = {
  name: "bool",
  parse: (text) => (TRUE.has(text) ? true : FALSE.has(text) ? false : undefined),
};

export const int32: ValueType<number> = mapped(
  integer("int32", SIGNED, -(2n ** 31n), 2n ** 31n - 1n),
  Number,
);
export const uint32: ValueType<number> = mapped(integer("uint32", UNSIGNED, 0n, 2n ** 32n - 1n), Number);

/** Beyond 2^53 a size that is calculated with names nothing that exists: refused rather than rounded. */
export const uint64: ValueType<number> = mapped(
  integer("uint64", UNSIGNED, 0n, BigInt(Number.MAX_SAFE_INTEGER)),
  Number,
);

/** For values that are handed on as they are: the whole range. */
export const wideUint64: ValueType<Uint64> = mapped(integer("uint64", UNSIGNED, 0n, MOST_UINT64), (value) =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value,
);

/** Other runtimes drop such a list without a word, so its warning is of a kind of its own. */
export const uint32List: ValueType<readonly number[]> = {
  ...listOf(uint32),
  warning: "annotation-list-unparsable",
};
export const uint64List: ValueType<readonly number[]> = listOf(uint64);

export const string: ValueType<string> = { name: "string", parse: (text) => text };

/** Elements are neither trimmed nor left out when empty. */
export const stringList: ValueType<readonly string[]> = {
  name: "list of string",
  parse: (text) => (text === "" ? [] : text.split(",")),
};

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Without braces; lower case afterwards. */
export const guid: ValueType<string> = {
  name: "GUID",
  parse: (text) => {
    const lower = text.toLowerCase();
    return GUID.test(lower) ? lower : undefined;
  },
};

/** Only the four characters `true` count; anything else is not set, and no mistake. */
export const exactTrue: ValueType<boolean> = { name: 'exactly "true"', parse: (text) => text === "true" };

/** `true` in any letter case; anything else is not set. */
export const anyCaseTrue: ValueType<boolean> = {
  name: '"true" in any letter case',
  parse: (text) => text.toLowerCase() === "true",
};

/** One of some words, each standing for a value. */
export function wordOf<T>(words: Readonly<Record<string, T>>): ValueType<T> {
  return {
    name: Object.keys(words)
      .map((word) => `"${word}"`)
      .join(" or "),
    parse: (text) => (Object.hasOwn(words, text) ? words[text] : undefined),
  };
}

/** JSON, read by whoever uses the row. */
export const json: ValueType<string> = { name: "JSON", parse: (text) => text };
