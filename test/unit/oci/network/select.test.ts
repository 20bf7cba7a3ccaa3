import assert from "node:assert/strict";
import fc from "fast-check";
import { SpecError } from "../../../../oci/errors.ts";
import { selectHnsNetwork } from "../../../../oci/network/select.ts";
import { network, NETWORK_CHOICES } from "../../../support/network-choices.ts";

const at = "/network/switchName";

describe("selectHnsNetwork", () => {
  for (const { wish, networks, chosen, match } of NETWORK_CHOICES) {
    const described = networks.map(({ id, name }) => `${id} "${name}"`).join(", ");
    it(`takes ${chosen} (${match}) for ${wish === undefined ? "no name" : `"${wish}"`} of ${described}`, () => {
      const selected = selectHnsNetwork(networks, { switchName: wish }, at);
      assert.equal(selected.network.id, chosen);
      assert.equal(selected.match, match);
      assert.equal(selected.fallback, match === "none");
    });
  }

  it("tells which network it takes when none answers to the name", () => {
    const { warnings } = selectHnsNetwork([network("A", "t", "sw", "ICS")], { switchName: "zzz" }, at);
    assert.deepEqual(warnings, [
      {
        kind: "network-not-matched",
        at,
        value: "zzz",
        message: 'no HNS network answers to "zzz": "t" (switch "sw", ICS) is used',
      },
    ]);
  });

  it("refuses to choose among none", () => {
    assert.throws(() => selectHnsNetwork([], {}, at), {
      name: "SpecError",
      refusal: "failed precondition",
      message:
        "invalid /network/switchName: cannot be found: there are no HNS networks on this host, so create one " +
        '(found "Default Switch")',
    });
  });

  it("lists the networks when one of that name is required", () => {
    const networks = [
      network("A", "t", "sw", "Transparent"),
      network("B", "n", "-", "NAT"),
      { id: "C", subnets: [] },
    ];
    assert.throws(() => selectHnsNetwork(networks, { switchName: "zzz", requireMatch: true }, at), {
      name: "SpecError",
      refusal: "not found",
      message:
        'invalid /network/switchName: must be the switch or the name of an HNS network: "n" (NAT), C, ' +
        '"t" (switch "sw", Transparent) (found "zzz")',
    });
  });

  it("lists ten of many networks", () => {
    const networks = Array.from({ length: 13 }, (_, index) => network(`id-${index}`, `n${index}`, "-", ""));
    assert.throws(
      () => selectHnsNetwork(networks, { switchName: "zzz", requireMatch: true }, at),
      /, "n6", 3 more \(found "zzz"\)$/,
    );
  });

  const letters = fc.string({ unit: fc.constantFrom("a", "B", "*", "[", " "), maxLength: 4 });
  const candidates = fc.uniqueArray(
    fc.record(
      {
        id: fc.uuid(),
        name: letters,
        switchName: letters,
        type: fc.constantFrom("NAT", "nat", "ICS", "Transparent", ""),
        subnets: fc.constant([]),
      },
      { requiredKeys: ["id", "subnets"] },
    ),
    { selector: ({ id }) => id, minLength: 1, maxLength: 8 },
  );

  it("chooses alike in whatever order the networks are listed", () => {
    const shuffled = candidates.chain((networks) =>
      fc.tuple(
        fc.constant(networks),
        fc.shuffledSubarray(networks, { minLength: networks.length, maxLength: networks.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, letters, ([networks, other], switchName) => {
        assert.deepEqual(selectHnsNetwork(networks, { switchName }), selectHnsNetwork(other, { switchName }));
      }),
    );
  });

  it("throws nothing but SpecError", () => {
    fc.assert(
      fc.property(
        fc.oneof(candidates, fc.constant([])),
        fc.string(),
        fc.boolean(),
        (networks, switchName, requireMatch) => {
          try {
            selectHnsNetwork(networks, { switchName, requireMatch });
          } catch (error) {
            assert.ok(error instanceof SpecError);
          }
        },
      ),
    );
  });
});
