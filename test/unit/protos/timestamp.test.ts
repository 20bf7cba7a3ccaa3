import assert from "node:assert/strict";

import type { Timestamp } from "../../../protos/gen/google.ts";
import {
  isZeroTime,
  timestampFromDate,
  timestampFromNanoseconds,
  timestampFromText,
  timestampToDate,
  timestampToNanoseconds,
  timestampToText,
  ZERO_TIME,
} from "../../../protos/timestamp.ts";

const cases: [text: string, nanoseconds: bigint, time: Timestamp][] = [
  ["1970-01-01T00:00:00Z", 0n, { seconds: 0n, nanos: 0 }],
  ["1970-01-01T00:00:00.000000001Z", 1n, { seconds: 0n, nanos: 1 }],
  ["1969-12-31T23:59:59.999999999Z", -1n, { seconds: -1n, nanos: 999_999_999 }],
  ["1969-12-31T23:59:59Z", -1_000_000_000n, { seconds: -1n, nanos: 0 }],
  [
    "2024-05-06T07:08:09.1234567Z",
    1_714_979_289_123_456_700n,
    { seconds: 1_714_979_289n, nanos: 123_456_700 },
  ],
  [
    "9999-12-31T23:59:59.999999999Z",
    253_402_300_799_999_999_999n,
    { seconds: 253_402_300_799n, nanos: 999_999_999 },
  ],
  ["0001-01-01T00:00:00Z", -62_135_596_800_000_000_000n, { seconds: -62_135_596_800n, nanos: 0 }],
];

for (const [text, nanoseconds, time] of cases) {
  describe(text, () => {
    it("is converted from and to nanoseconds", () => {
      assert.deepEqual(timestampFromNanoseconds(nanoseconds), time);
      assert.equal(timestampToNanoseconds(time), nanoseconds);
    });

    it("is read and written", () => {
      assert.deepEqual(timestampFromText(text), time);
      assert.equal(timestampToText(time), text);
    });
  });
}

describe("timestampFromDate", () => {
  it("keeps milliseconds, also before 1970", () => {
    assert.deepEqual(timestampFromDate(new Date(1_500)), { seconds: 1n, nanos: 500_000_000 });
    assert.deepEqual(timestampFromDate(new Date(-1)), { seconds: -1n, nanos: 999_000_000 });
  });

  it("refuses an invalid date", () => {
    assert.throws(() => timestampFromDate(new Date(Number.NaN)), RangeError);
  });
});

describe("timestampToDate", () => {
  it("drops what is below a millisecond", () => {
    assert.equal(timestampToDate({ seconds: 1n, nanos: 999_999_999 }).getTime(), 1_999);
    assert.equal(timestampToDate({ seconds: -1n, nanos: 999_999_999 }).getTime(), -1);
  });

  it("knows the year 1", () => {
    assert.equal(timestampToDate(ZERO_TIME).toISOString(), "0001-01-01T00:00:00.000Z");
  });
});

describe("timestampFromText", () => {
  const others: [text: string, time: Timestamp | undefined][] = [
    ["2024-05-06T09:08:09+02:00", { seconds: 1_714_979_289n, nanos: 0 }],
    ["2024-05-06T02:38:09.5-04:30", { seconds: 1_714_979_289n, nanos: 500_000_000 }],
    ["2024-05-06t07:08:09z", { seconds: 1_714_979_289n, nanos: 0 }],
    ["2024-05-06 07:08:09Z", { seconds: 1_714_979_289n, nanos: 0 }],
    ["2024-05-06T07:08:09.1234567899Z", { seconds: 1_714_979_289n, nanos: 123_456_789 }],
    ["2024-05-06T07:08:09", undefined],
    ["2024-05-06", undefined],
    ["2024-13-06T07:08:09Z", undefined],
    ["2024-05-06T25:08:09Z", undefined],
    ["1714979289", undefined],
    ["", undefined],
  ];
  for (const [text, time] of others) {
    it(time === undefined ? `finds no time in "${text}"` : `reads "${text}"`, () => {
      assert.deepEqual(timestampFromText(text), time);
    });
  }
});

describe("isZeroTime", () => {
  const times: [name: string, time: Timestamp | undefined, zero: boolean][] = [
    ["absent", undefined, true],
    ["Go's zero time", { seconds: -62_135_596_800n, nanos: 0 }, true],
    ["all zero", { seconds: 0n, nanos: 0 }, true],
    ["a nanosecond after 1970 began", { seconds: 0n, nanos: 1 }, false],
    ["a second after year 1 began", { seconds: -62_135_596_799n, nanos: 0 }, false],
  ];
  for (const [name, time, zero] of times) {
    it(`says ${zero ? "yes" : "no"} to ${name}`, () => {
      assert.equal(isZeroTime(time), zero);
    });
  }
});
