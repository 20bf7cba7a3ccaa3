import assert from "node:assert/strict";
import fc from "fast-check";
import { SpecError } from "../../../../oci/errors.ts";
import { readAddress } from "../../../../oci/network/address.ts";
import {
  isInSubnet,
  isReservedInSubnet,
  netmaskOf,
  parseSubnet,
  readPrefixLength,
  subnetOf,
} from "../../../../oci/network/prefix.ts";

const at = "/network/netmask";

describe("readPrefixLength", () => {
  for (const [text, family, expected] of [
    ["255.255.255.0", "IPv4", 24],
    ["255.255.240.0", "IPv4", 20],
    ["0.0.0.0", "IPv4", 0],
    ["255.255.255.255", "IPv4", 32],
    ["0", "IPv4", 0],
    ["32", "IPv4", 32],
    ["64", "IPv6", 64],
    ["128", "IPv6", 128],
  ] as const) {
    it(`reads ${text} of ${family} as ${expected}`, () => {
      assert.equal(readPrefixLength(text, family, at), expected);
    });
  }

  for (const [text, family] of [
    ["255.0.255.0", "IPv4"],
    ["0.0.0.255", "IPv4"],
    ["33", "IPv4"],
    ["129", "IPv6"],
    ["255.255.255.0", "IPv6"],
    ["ffff:ffff::", "IPv6"],
    ["/24", "IPv4"],
    ["024", "IPv4"],
    ["-1", "IPv4"],
    ["", "IPv4"],
    ["1e1", "IPv4"],
  ] as const) {
    it(`refuses "${text}" of ${family}`, () => {
      assert.throws(() => readPrefixLength(text, family, at), SpecError);
    });
  }

  it("names field, value and what is possible", () => {
    assert.throws(() => readPrefixLength("255.0.255.0", "IPv4", at), {
      message:
        "invalid /network/netmask: must be a prefix length of 0 to 32 or a netmask of ones followed by zeros " +
        '(found "255.0.255.0")',
      refusal: "invalid argument",
    });
    assert.throws(() => readPrefixLength("129", "IPv6", at), {
      message: 'invalid /network/netmask: must be a prefix length of 0 to 128 (found "129")',
    });
  });

  it("reads back every netmask of netmaskOf", () => {
    for (let length = 0; length <= 32; length++)
      assert.equal(readPrefixLength(netmaskOf(length), "IPv4", at), length);
  });

  it("throws nothing but SpecError, and gives lengths in range alone", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.nat(200).map(String)),
        fc.constantFrom("IPv4", "IPv6"),
        (text, family) => {
          try {
            const length = readPrefixLength(text, family, at);
            assert.ok(length >= 0 && length <= (family === "IPv4" ? 32 : 128));
          } catch (error) {
            assert.ok(error instanceof SpecError);
          }
        },
      ),
    );
  });
});

describe("parseSubnet", () => {
  it("leaves bits of hosts out", () => {
    assert.deepEqual(parseSubnet("10.1.2.3/8"), parseSubnet("10.0.0.0/8"));
  });

  for (const text of ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/8/8", "fd00::/129", "/8", "10.0.0.0/", ""]) {
    it(`knows no subnet in "${text}"`, () => {
      assert.equal(parseSubnet(text), undefined);
    });
  }
});

describe("isInSubnet", () => {
  for (const [address, subnet, expected] of [
    ["10.0.0.255", "10.0.0.0/24", true],
    ["10.0.1.0", "10.0.0.0/24", false],
    ["10.0.1.0", "0.0.0.0/0", true],
    ["::a00:1", "10.0.0.0/24", false],
    ["fd00:1::9", "fd00:1::/64", true],
    ["fd00:1::9", "fd00:1::9/128", true],
    ["fd00:1::8", "fd00:1::9/128", false],
  ] as const) {
    it(`says ${expected} of ${address} in ${subnet}`, () => {
      const parsed = parseSubnet(subnet);
      assert.ok(parsed);
      assert.equal(isInSubnet(readAddress(address, at), parsed), expected);
    });
  }

  it("holds for an address and its own subnet of any length", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(128), (text, length) => {
        const address = readAddress(text, at);
        const prefixLength = address.family === "IPv4" ? length % 33 : length;
        assert.ok(isInSubnet(address, subnetOf(address, prefixLength)));
      }),
    );
  });
});

describe("isReservedInSubnet", () => {
  for (const [address, length, expected] of [
    ["10.0.0.0", 24, true],
    ["10.0.0.255", 24, true],
    ["10.0.0.255", 23, false],
    ["10.0.0.0", 31, false],
    ["10.0.0.0", 32, false],
    ["255.255.255.255", 0, true],
    ["fd00::", 64, false],
  ] as const) {
    it(`says ${expected} of ${address}/${length}`, () => {
      assert.equal(isReservedInSubnet(readAddress(address, at), length), expected);
    });
  }
});
