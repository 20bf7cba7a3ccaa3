import assert from "node:assert/strict";
import fc from "fast-check";
import { appliedFacets, realiseStatic, type StaticTarget } from "../../../../oci/network/realise.ts";
import { facetsOf, readStaticNetwork, type Facet } from "../../../../oci/network/static.ts";

const FACETS: readonly Facet[] = ["ip", "gateway", "dns", "ports"];
const settings = readStaticNetwork({
  ip: "10.0.0.5",
  netmask: "24",
  gateway: "10.0.0.1",
  dns: "1.1.1.1",
  ports: "1:1",
});

const TARGETS = [
  { target: { kind: "linux-vm", guestConfiguresAdapters: true }, means: "document" },
  { target: { kind: "linux-vm", guestConfiguresAdapters: false }, means: "/bin/sh" },
  { target: { kind: "windows-vm" }, means: "document" },
  { target: { kind: "windows-host" }, means: "powershell.exe" },
] as const satisfies readonly { readonly target: StaticTarget; readonly means: string }[];

describe("realiseStatic", () => {
  for (const { target, means } of TARGETS) {
    it(`leaves to ${means} what the endpoint of a container in ${JSON.stringify(target)} does not have`, () => {
      const realisation = realiseStatic(target, settings, new Set(["ip", "gateway", "ports"]));
      assert.deepEqual(Object.fromEntries(realisation.via), {
        ip: "endpoint",
        gateway: "endpoint",
        dns: "guest",
        ports: "endpoint",
      });
      assert.deepEqual([...realisation.byDocument], means === "document" ? ["dns"] : []);
      assert.equal(realisation.command?.args[0], means === "document" ? undefined : means);
      assert.deepEqual(realisation.warnings, []);
    });

    it(`needs nobody for ${JSON.stringify(target)} when the endpoint has all`, () => {
      const realisation = realiseStatic(target, settings, new Set(FACETS));
      assert.equal(realisation.command, undefined);
      assert.equal(realisation.byDocument.size, 0);
    });
  }

  it("tells that ports are lost which the endpoint does not map", () => {
    const { via, warnings } = realiseStatic({ kind: "windows-vm" }, settings, new Set(), "/network");
    assert.equal(via.get("ports"), "none");
    assert.deepEqual(warnings, [
      {
        kind: "network-setting-lost",
        at: "/network/ports",
        message:
          'static network setting "ports" is lost: the endpoint does not have it, and no guest can apply it',
      },
    ]);
  });

  it("settles each facet by itself: exactly those the endpoint lacks go to the guest", () => {
    fc.assert(
      fc.property(
        fc.subarray([...FACETS]),
        fc.constantFrom(...TARGETS.map(({ target }) => target)),
        (has, target) => {
          const { via } = realiseStatic(target, settings, new Set(has));
          for (const facet of FACETS)
            assert.equal(
              via.get(facet),
              has.includes(facet) ? "endpoint" : facet === "ports" ? "none" : "guest",
            );
        },
      ),
    );
  });

  it("says nothing of facets that were not asked for", () => {
    const nothing = readStaticNetwork({});
    const realisation = realiseStatic({ kind: "windows-host" }, nothing, facetsOf(nothing));
    assert.deepEqual([...realisation.via], []);
    assert.deepEqual(realisation.warnings, []);
  });
});

describe("appliedFacets", () => {
  const realisation = realiseStatic({ kind: "windows-host" }, settings, new Set(["ip"]));

  it("are those of the endpoint and of a guest that did its part", () => {
    assert.deepEqual([...appliedFacets(realisation, true)], ["ip", "gateway", "dns"]);
  });

  it("are those of the endpoint alone when the guest failed", () => {
    assert.deepEqual([...appliedFacets(realisation, false)], ["ip"]);
  });
});
