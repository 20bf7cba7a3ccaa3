import assert from "node:assert/strict";

import fc from "fast-check";

import {
  timestampFromDate,
  timestampFromNanoseconds,
  timestampFromText,
  timestampToDate,
  timestampToNanoseconds,
  timestampToText,
} from "../../../protos/timestamp.ts";

const YEAR_1 = -62_135_596_800_000_000_000n;
const YEAR_10000 = 253_402_300_800_000_000_000n;
const nanoseconds = fc.bigInt({ min: YEAR_1, max: YEAR_10000 - 1n });

describe("timestamps", () => {
  it("survive nanoseconds and text", () => {
    fc.assert(
      fc.property(nanoseconds, (value) => {
        const time = timestampFromNanoseconds(value);
        assert.ok(time.nanos >= 0 && time.nanos < 1_000_000_000);
        assert.equal(timestampToNanoseconds(time), value);
        assert.deepEqual(timestampFromText(timestampToText(time)), time);
      }),
    );
  });

  it("survive dates to the millisecond", () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true, min: new Date(Number(YEAR_1 / 1_000_000n)) }), (date) => {
        assert.deepEqual(timestampToDate(timestampFromDate(date)), date);
      }),
    );
  });

  it("keep their order as text of equal length", () => {
    fc.assert(
      fc.property(nanoseconds, nanoseconds, (a, b) => {
        const text = (value: bigint): string => {
          const [, seconds, fraction = ""] =
            /^([^.Z]+)(?:\.(\d+))?Z$/.exec(timestampToText(timestampFromNanoseconds(value))) ?? [];
          return `${seconds}.${fraction.padEnd(9, "0")}`;
        };
        assert.equal(text(a) < text(b), a < b);
      }),
    );
  });
});
