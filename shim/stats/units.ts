/** Numbers of HCS as protobuf has them. Absent is zero, in both. */

const NANOSECONDS_PER_TICK = 100n;

/** Nanoseconds. @param value in units of 100 ns */
export function nanoseconds(value: number | bigint | undefined): bigint {
  return BigInt(value ?? 0) * NANOSECONDS_PER_TICK;
}

export function count(value: number | bigint | undefined): bigint {
  return BigInt(value ?? 0);
}
