import assert from "node:assert/strict";
import { HRESULT, HRESULTS } from "../../../hcs/hresult-table.ts";
import {
  describeHresult,
  formatHresult,
  hresultFromWin32,
  isAlreadyExists,
  isAlreadyStopped,
  isConnectionLost,
  isHcs,
  isInvalidState,
  isNotFound,
  isNotSupported,
  isTimeout,
  isWin32,
  splitHresult,
} from "../../../hcs/hresult.ts";

describe("splitHresult", () => {
  it("splits codes given with and without a sign", () => {
    const parts = { failed: true, customer: false, nt: false, facility: 0x37, code: 0x10e };
    assert.deepEqual(splitHresult(0x8037_010e), parts);
    assert.deepEqual(splitHresult(0x8037_010e | 0), parts);
  });

  it("sees the customer and NT bits", () => {
    assert.deepEqual(splitHresult(0xd000_0022), {
      failed: true,
      customer: false,
      nt: true,
      facility: 0,
      code: 0x22,
    });
    assert.equal(splitHresult(0xe043_4352).customer, true);
    assert.equal(splitHresult(0).failed, false);
  });
});

describe("describeHresult", () => {
  it("finds both spellings of an HCS code", () => {
    assert.equal(describeHresult(0x8037_0110)?.symbol, "HCS_E_SYSTEM_ALREADY_STOPPED");
    assert.equal(describeHresult(0xc037_0110)?.symbol, "HCS_E_SYSTEM_ALREADY_STOPPED");
    assert.equal(describeHresult(0xc037_0110 | 0)?.symbol, "HCS_E_SYSTEM_ALREADY_STOPPED");
  });

  it("knows nothing of unknown codes", () => {
    assert.equal(describeHresult(0x8037_ffff), undefined);
    assert.equal(describeHresult(0xc007_0002), undefined);
  });
});

describe("formatHresult", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0x00000000 (S_OK)"],
    [0x8037_010e, "0x8037010e (HCS_E_SYSTEM_NOT_FOUND)"],
    [0x8037_010e | 0, "0x8037010e (HCS_E_SYSTEM_NOT_FOUND)"],
    [0xc037_010e, "0xc037010e (HCS_E_SYSTEM_NOT_FOUND)"],
    [0x8037_ffff, "0x8037ffff"],
    [5, "0x00000005"],
  ];
  for (const [code, text] of cases) it(`writes ${text}`, () => assert.equal(formatHresult(code), text));
});

describe("hresultFromWin32", () => {
  it("wraps errors, and leaves success alone", () => {
    assert.equal(hresultFromWin32(2), 0x8007_0002);
    assert.equal(hresultFromWin32(10061), 0x8007_274d);
    assert.equal(hresultFromWin32(0), 0);
  });
});

describe("isHcs and isWin32", () => {
  it("compare code and facility", () => {
    assert.ok(isHcs(0x8037_0105, 0x0105) && isHcs(0xc037_0105, 0x0105));
    assert.ok(!isHcs(0x8007_0105, 0x0105) && !isHcs(0x8037_0106, 0x0105));
    assert.ok(isWin32(2, 2) && isWin32(0x8007_0002, 2) && !isWin32(0x8037_0002, 2));
  });
});

describe("predicates", () => {
  const rows: readonly (readonly [(error: unknown) => boolean, readonly number[]])[] = [
    [
      isNotFound,
      [
        HRESULT.systemNotFound,
        0xc037_010e,
        HRESULT.elementNotFound,
        HRESULT.fileNotFound,
        0x8007_0003,
        0x490,
      ],
    ],
    [isAlreadyStopped, [HRESULT.systemAlreadyStopped, HRESULT.processAlreadyStopped, 0xc037_0110]],
    [isAlreadyExists, [HRESULT.systemAlreadyExists, HRESULT.alreadyExistsWin32]],
    [isConnectionLost, [HRESULT.connectionClosed, HRESULT.serviceDisconnect]],
    [isTimeout, [HRESULT.operationTimeout, HRESULT.connectionTimeout]],
    [isNotSupported, [HRESULT.notSupported, HRESULT.notImplemented, HRESULT.unknownMessage]],
    [isInvalidState, [HRESULT.invalidState, 0xc037_0105]],
  ];
  for (const [predicate, codes] of rows) {
    it(`${predicate.name} holds for its codes, signed too, and for no other predicate's`, () => {
      for (const hresult of codes) {
        assert.ok(predicate({ hresult }), formatHresult(hresult));
        assert.ok(predicate({ hresult: hresult | 0 }), formatHresult(hresult));
      }
      for (const [other, foreign] of rows) {
        if (other !== predicate)
          for (const hresult of foreign) assert.ok(!predicate({ hresult }), formatHresult(hresult));
      }
    });
  }

  it("hold for nothing that has no code", () => {
    for (const value of [undefined, null, "0x8037010e", new Error("x"), { hresult: "2" }, {}]) {
      for (const [predicate] of rows) assert.equal(predicate(value), false);
    }
  });
});

describe("HRESULTS", () => {
  it("has every code by which this project answers", () => {
    for (const [name, code] of Object.entries(HRESULT)) assert.ok(HRESULTS.has(code), name);
  });

  it("has sentences that can be put after a colon", () => {
    for (const { symbol, sentence } of HRESULTS.values()) {
      assert.match(symbol, /^(?:[A-Z0-9_]+|NERR_[A-Za-z]+)$/);
      assert.doesNotMatch(sentence, /[.!]$/);
      assert.ok(sentence[0] === sentence[0]!.toLowerCase() || /^[A-Z]{2}/.test(sentence), sentence);
    }
  });
});
