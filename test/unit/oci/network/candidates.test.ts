import assert from "node:assert/strict";
import fc from "fast-check";
import { SpecError } from "../../../../oci/errors.ts";
import { candidateOfHcn, candidateOfHns } from "../../../../oci/network/candidates.ts";

const at = "/networks/0";

describe("candidateOfHns", () => {
  it("takes name, switch, type and subnets", () => {
    const document = {
      ID: "1",
      Name: "nat",
      SwitchName: "sw",
      Type: "nat",
      Subnets: [{ AddressPrefix: "10.0.0.0/24", GatewayAddress: "10.0.0.1" }, { GatewayAddress: "" }],
    };
    assert.deepEqual(candidateOfHns(document, at), {
      id: "1",
      name: "nat",
      switchName: "sw",
      type: "nat",
      subnets: ["10.0.0.0/24"],
    });
  });

  it("leaves a missing type open", () => {
    assert.deepEqual(candidateOfHns({ ID: "1", Name: "", Type: "" }, at), { id: "1", subnets: [] });
  });
});

describe("candidateOfHcn", () => {
  it("takes a missing type for NAT", () => {
    assert.deepEqual(candidateOfHcn({ ID: "1", Name: "n" }, at), {
      id: "1",
      name: "n",
      type: "NAT",
      subnets: [],
    });
  });

  it("takes the subnets of all IPAMs, and the name of the switch from elsewhere", () => {
    const document = {
      ID: "1",
      Type: "L2Bridge",
      Ipams: [
        { Subnets: [{ IpAddressPrefix: "10.0.0.0/24" }, { IpAddressPrefix: "fd00::/64" }] },
        { Type: "DHCP" },
        { Subnets: [{ IpAddressPrefix: "10.1.0.0/24" }] },
      ],
    };
    assert.deepEqual(candidateOfHcn(document, at, "sw"), {
      id: "1",
      switchName: "sw",
      type: "L2Bridge",
      subnets: ["10.0.0.0/24", "fd00::/64", "10.1.0.0/24"],
    });
  });
});

for (const [name, read] of [
  ["candidateOfHns", candidateOfHns],
  ["candidateOfHcn", candidateOfHcn],
] as const)
  describe(name, () => {
    it("names the member at fault", () => {
      assert.throws(() => read({ Name: "n" }, at), { at: "/networks/0/ID" });
      assert.throws(() => read({ ID: "1", Name: 7 }, at), { at: "/networks/0/Name" });
      assert.throws(() => read([], at), { at: "/networks/0" });
    });

    it("throws nothing but SpecError", () => {
      const document = fc.oneof(
        fc.jsonValue(),
        fc.record(
          { ID: fc.jsonValue(), Type: fc.jsonValue(), Ipams: fc.jsonValue(), Subnets: fc.jsonValue() },
          { requiredKeys: [] },
        ),
      );
      fc.assert(
        fc.property(document, (value) => {
          try {
            read(value, at);
          } catch (error) {
            assert.ok(error instanceof SpecError);
          }
        }),
      );
    });
  });
