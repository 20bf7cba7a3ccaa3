import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { addressOf, isSameAddress, parseAddress, readAddress } from "../../../../oci/network/address.ts";
import { SpecError } from "../../../../oci/errors.ts";

describe("parseAddress", () => {
  for (const [text, canonical] of [
    ["10.0.0.7", "10.0.0.7"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["FD00::0:A", "fd00::a"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ] as const) {
    it(`reads ${text} as ${canonical}`, () => {
      assert.equal(parseAddress(text)?.text, canonical);
    });
  }

  for (const text of [
    "",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "10.0.0.1/24",
    " 10.0.0.1",
    "1e1.0.0.1",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7::8",
    "1:2:3:4:5:6:7:8:9",
    "10.0.0.1::",
    "fe80::1%eth0",
    "g::",
    "12345::",
  ]) {
    it(`knows no address in "${text}"`, () => {
      assert.equal(parseAddress(text), undefined);
    });
  }

  it("knows the addresses that Node knows, but no zones", () => {
    const literal = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom("0", "1", "25", "f", ":", "::", ".", "%") }),
    );
    fc.assert(
      fc.property(literal, (text) => {
        const known = !text.includes("%") && (isIPv4(text) || isIPv6(text));
        assert.equal(parseAddress(text) !== undefined, known);
      }),
    );
  });

  it("gives a text that is read as the same address", () => {
    const address = fc.oneof(
      fc.bigInt(0n, (1n << 32n) - 1n).map((bits) => addressOf("IPv4", bits)),
      fc.bigInt(0n, (1n << 128n) - 1n).map((bits) => addressOf("IPv6", bits)),
      // Few bits make long runs of zeros.
      fc.nat(127).map((bit) => addressOf("IPv6", 1n << BigInt(bit))),
    );
    fc.assert(
      fc.property(address, (expected) => {
        assert.deepEqual(parseAddress(expected.text), expected);
      }),
    );
  });
});

describe("addressOf", () => {
  it("writes IPv6 as URLs do", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 128n) - 1n), (bits) => {
        const { text } = addressOf("IPv6", bits);
        assert.equal(new URL(`http://[${text}]`).hostname, `[${text}]`);
      }),
    );
  });
});

describe("isSameAddress", () => {
  it("compares by value within a family", () => {
    assert.ok(isSameAddress(readAddress("fd00::1", "a"), readAddress("FD00:0::01", "b")));
    assert.ok(!isSameAddress(readAddress("0.0.0.1", "a"), readAddress("::1", "b")));
  });
});

describe("readAddress", () => {
  it("names place and value of what is no address", () => {
    assert.throws(() => readAddress("gw", "/network/gateway"), {
      name: "SpecError",
      refusal: "invalid argument",
      message:
        'invalid /network/gateway: must be an IP address without prefix length, zone or leading zeros (found "gw")',
    });
  });

  it("throws nothing but SpecError", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          readAddress(text, "x");
        } catch (error) {
          assert.ok(error instanceof SpecError);
        }
      }),
    );
  });
});
