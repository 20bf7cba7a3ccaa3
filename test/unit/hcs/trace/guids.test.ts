import assert from "node:assert/strict";
import { GuidBindings } from "../../../../hcs/trace/guids.ts";

const A = "aaaaaaaa-0000-4000-8000-000000000001";
const B = "bbbbbbbb-0000-4000-8000-000000000002";
const C = "cccccccc-0000-4000-8000-000000000003";

describe("GuidBindings", () => {
  it("takes another GUID for a recorded one, and then that one alone", () => {
    const guids = new GuidBindings();
    assert.equal(guids.difference({ nic: A }, { nic: B }), undefined);
    assert.equal(guids.difference([`path/${A}`], [`path/${B}`]), undefined);
    assert.equal(guids.difference([A], [C]), "/0");
  });

  it("takes GUIDs that are keys", () => {
    const guids = new GuidBindings();
    assert.equal(guids.difference({ [A]: { x: 1 } }, { [B]: { x: 1 } }), undefined);
    assert.equal(guids.difference({ [A]: { x: 1 } }, { [B]: { x: 2 } }), `/${A}/x`);
  });

  it("tells what the platform says with the GUIDs of this run", () => {
    const guids = new GuidBindings();
    guids.difference(A, B);
    assert.deepEqual(guids.translate({ [A]: [`${A.toUpperCase()} of ${C}`] }), {
      [B]: [`${B.toUpperCase()} of ${C}`],
    });
    assert.equal(guids.translateBytes(Buffer.from(`\xff${A}`, "latin1")).toString("latin1"), `\xff${B}`);
  });

  it("lets nobody take another GUID for one of the platform", () => {
    const guids = new GuidBindings();
    guids.translate(A);
    assert.equal(guids.difference(A, B), "/");
    assert.equal(guids.difference(A, A), undefined);
  });

  it("binds nothing when the rest differs", () => {
    const guids = new GuidBindings();
    assert.equal(guids.difference({ id: A, size: 1 }, { id: B, size: 2 }), "/size");
    assert.equal(guids.difference({ id: A }, { id: C }), undefined);
  });

  for (const [what, recorded, now, where] of [
    ["a member that is missing", { a: 1, b: 2 }, { a: 1 }, "/b"],
    ["a member that is too many", { a: 1 }, { a: 1, b: 2 }, "/b"],
    ["an item that is too many", [1], [1, 2], "/1"],
    ["an array for an object", { 0: 1 }, [1], "/"],
    ["null for an object", {}, null, "/"],
    ["a number of another type", 1, 1n, "/"],
    ["text around a GUID", `x${A}`, `y${A}`, "/"],
  ] as const) {
    it(`finds ${what}`, () => assert.equal(new GuidBindings().difference(recorded, now), where));
  }
});
