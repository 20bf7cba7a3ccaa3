/**
 * JSON whose integers may have 64 bits: guests report limits near 2^63, which a `number` would round.
 * An integer beyond 2^53 becomes a `bigint`, every other number stays a `number`.
 */
import { parse, stringify } from "lossless-json";

/** The smallest integer a `number` cannot hold exactly has 16 digits. */
const LONG_INTEGER = /\d{16}/;
const INTEGER = /^-?\d+$/;

/**
 * Reads a JSON text. Of equal keys the last one wins, as with `JSON.parse`. Throws `SyntaxError`, also for
 * nesting too deep to read.
 */
export function parseJson(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  try {
    return parse(text, undefined, { parseNumber: readNumber, onDuplicateKey: ({ newValue }) => newValue });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SyntaxError("JSON nesting is too deep", { cause: error });
  }
}

function readNumber(text: string): number | bigint {
  const value = Number(text);
  return INTEGER.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value;
}

/**
 * Writes compact JSON; a `bigint` becomes a JSON number. Throws `TypeError` for what JSON cannot express
 * (cycles, a bare `undefined`).
 */
export function stringifyJson(value: unknown): string {
  const text = stringifyAny(value);
  if (text === undefined) throw new TypeError(`cannot write JSON: value is ${typeof value}`);
  return text;
}

function stringifyAny(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // JSON.stringify refuses two things this way: a bigint, which is the reason to be here, and a cycle.
    if (!(error instanceof TypeError)) throw error;
    try {
      return stringify(value);
    } catch (second) {
      throw second instanceof RangeError ? error : second;
    }
  }
}
