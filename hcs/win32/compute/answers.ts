/** Reads the JSON that the compute service answers. */
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { parseJson } from "../../json.ts";
import type { Attempt } from "../ffi/result.ts";

/** @throws {HcsError} when there is no JSON, or none of the kind that was asked for */
export function readObject(text: string | undefined, attempt: Attempt): Readonly<Record<string, unknown>> {
  const value = read(text, attempt);
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw unexpected(text, "wanted an object", attempt);
}

/** @throws {HcsError} when there is no JSON, or none of the kind that was asked for */
export function readList(text: string | undefined, attempt: Attempt): readonly unknown[] {
  const value = read(text, attempt);
  if (Array.isArray(value)) return value;
  throw unexpected(text, "wanted a list", attempt);
}

function read(text: string | undefined, attempt: Attempt): unknown {
  if (text === undefined || text === "") throw unexpected(text, "it is empty", attempt);
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw unexpected(text, error.message, attempt);
    throw error;
  }
}

const LONGEST_QUOTE = 200;

function unexpected(text: string | undefined, why: string, attempt: Attempt): HcsError {
  const quote = (text ?? "").slice(0, LONGEST_QUOTE);
  const detail = `the service's answer cannot be read: ${why}${quote === "" ? "" : `: ${quote}`}`;
  return new HcsError({ ...attempt, hresult: HRESULT.invalidJson, detail });
}
