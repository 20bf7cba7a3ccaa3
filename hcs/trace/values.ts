/** Arguments, answers and errors of the port as JSON, and back. */
import { HcsError } from "../errors.ts";
import type { DataLine, ErrorRecord } from "./format.ts";

/** A handle that the host hands back to the platform, in an argument. */
interface HandleReference {
  readonly $handle: string;
}

interface Bytes {
  /** base64 */
  readonly $bytes: string;
}

/** @param handleOf id of an object that is a handle of the recording */
export function encodeValue(value: unknown, handleOf: (value: object) => string | undefined): unknown {
  if (typeof value !== "object" || value === null) return value;
  const $handle = handleOf(value);
  if ($handle !== undefined) return { $handle } satisfies HandleReference;
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") } satisfies Bytes;
  if (Array.isArray(value)) return value.map((item) => encodeValue(item, handleOf));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) =>
      member === undefined ? [] : [[key, encodeValue(member, handleOf)]],
    ),
  );
}

/** An answer. Handles in it do not occur: calls that answer handles say so. */
export function decodeValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeValue);
  const { $bytes } = value as Partial<Bytes>;
  if ($bytes !== undefined) return new Uint8Array(Buffer.from($bytes, "base64"));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, decodeValue(member)]));
}

export function encodeError(error: unknown): ErrorRecord {
  if (error instanceof HcsError) {
    const { hresult, operation, target, detail, events } = error;
    return {
      hresult,
      operation,
      ...(target === undefined ? {} : { target }),
      ...(detail === undefined ? {} : { detail }),
      ...(events.length === 0 ? {} : { events }),
    };
  }
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, code } = error as NodeJS.ErrnoException;
  return { name, message, ...(typeof code === "string" ? { code } : {}) };
}

export function decodeError(record: ErrorRecord): Error {
  if ("hresult" in record) return new HcsError(record);
  const { name, message, code } = record;
  const error = new Error(message);
  // An error's name is not a member of its own, unless it differs.
  if (name !== error.name) Object.defineProperty(error, "name", { value: name, configurable: true });
  return code === undefined ? error : Object.assign(error, { code });
}

/** Bytes in the form that people can read where there is one. */
export function encodeBytes(bytes: Uint8Array): Pick<DataLine, "text" | "base64"> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  return Buffer.from(text, "utf8").equals(buffer) ? { text } : { base64: buffer.toString("base64") };
}

/** @returns the bytes; only their number where no more was recorded */
export function decodeBytes({ text, base64, bytes }: DataLine): Buffer | number {
  if (text !== undefined) return Buffer.from(text, "utf8");
  return base64 === undefined ? (bytes ?? 0) : Buffer.from(base64, "base64");
}
