/** `google.protobuf.Timestamp` to and from other ways to write a time. */
import type { Timestamp } from "./gen/google.ts";

const NANOS_PER_SECOND = 1_000_000_000n;
const NANOS_PER_MS = 1_000_000;

/** Go's zero time, 0001-01-01T00:00:00Z: how Go peers write that something has not happened. */
export const ZERO_TIME: Timestamp = Object.freeze({ seconds: -62_135_596_800n, nanos: 0 });

/** Whether a time says that nothing happened: absent, Go's zero time, or all zero. */
export function isZeroTime(time: Timestamp | undefined): boolean {
  return (
    time === undefined || (time.nanos === 0 && (time.seconds === 0n || time.seconds === ZERO_TIME.seconds))
  );
}

/** @param nanoseconds since 1970-01-01T00:00:00Z, negative before */
export function timestampFromNanoseconds(nanoseconds: bigint): Timestamp {
  const nanos = ((nanoseconds % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND;
  return { seconds: (nanoseconds - nanos) / NANOS_PER_SECOND, nanos: Number(nanos) };
}

/** Nanoseconds since 1970-01-01T00:00:00Z. */
export function timestampToNanoseconds(time: Timestamp): bigint {
  return time.seconds * NANOS_PER_SECOND + BigInt(time.nanos);
}

/** @throws {RangeError} when the date is invalid */
export function timestampFromDate(date: Date): Timestamp {
  return timestampFromNanoseconds(BigInt(date.getTime()) * BigInt(NANOS_PER_MS));
}

/** The same time without what is below a millisecond. */
export function timestampToDate(time: Timestamp): Date {
  return new Date(Number(time.seconds) * 1000 + Math.floor(time.nanos / NANOS_PER_MS));
}

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * Reads an RFC 3339 time with any number of digits after the second, as HCS documents and Go write them; digits
 * below the nanosecond are dropped. `undefined` when the text is none.
 */
export function timestampFromText(text: string): Timestamp | undefined {
  const [, day, time, fraction = "", zone = ""] = RFC_3339.exec(text) ?? [];
  const ms = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(ms)) return undefined;
  return { seconds: BigInt(ms / 1000), nanos: Number(fraction.slice(0, 9).padEnd(9, "0")) };
}

/** RFC 3339 in UTC with as many digits as it takes: `2024-05-06T07:08:09.1234567Z`. */
export function timestampToText(time: Timestamp): string {
  const seconds = timestampToDate({ seconds: time.seconds, nanos: 0 })
    .toISOString()
    .slice(0, -".000Z".length);
  const fraction = String(time.nanos).padStart(9, "0").replace(/0+$/, "");
  return `${seconds}${fraction === "" ? "" : `.${fraction}`}Z`;
}
