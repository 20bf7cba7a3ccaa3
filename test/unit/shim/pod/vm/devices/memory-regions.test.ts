import assert from "node:assert/strict";
import fc from "fast-check";
import {
  MemoryRegions,
  REGIONS_CAPACITY,
  type Region,
} from "../../../../../../shim/pod/vm/devices/memory-regions.ts";

const MIB = 1024 ** 2;
const sizeOf = ({ sizeClass }: Region): number => MIB * 4 ** sizeClass;

describe("MemoryRegions", () => {
  it("takes the lowest of the smallest regions that are large enough", () => {
    const regions = new MemoryRegions();
    assert.deepEqual(regions.take(12288), { offset: 0, sizeClass: 0 });
    assert.deepEqual(regions.take(20480), { offset: MIB, sizeClass: 0 });
    assert.deepEqual(regions.take(2 * MIB), { offset: 4 * MIB, sizeClass: 1 });
    assert.deepEqual(regions.take(1), { offset: 2 * MIB, sizeClass: 0 });
  });

  it("holds one layer as large as itself, and none that is larger", () => {
    const regions = new MemoryRegions();
    assert.equal(regions.take(REGIONS_CAPACITY + 1), undefined);
    assert.deepEqual(regions.take(REGIONS_CAPACITY), { offset: 0, sizeClass: 6 });
    assert.equal(regions.take(1), undefined);
  });

  it("never gives the same bytes twice, and is whole again when all is given back", () => {
    const sizes = fc.array(fc.integer({ min: 0, max: REGIONS_CAPACITY }), { maxLength: 30 });
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat()), (wanted, order) => {
        const regions = new MemoryRegions();
        const held: Region[] = [];
        for (const bytes of wanted) {
          const region = regions.take(bytes);
          if (region === undefined) continue;
          assert.ok(sizeOf(region) >= bytes);
          for (const other of held) {
            const apart =
              region.offset + sizeOf(region) <= other.offset || other.offset + sizeOf(other) <= region.offset;
            assert.ok(apart, "regions overlap");
          }
          held.push(region);
        }
        while (held.length > 0) {
          const [region] = held.splice((order.next().value ?? 0) % held.length, 1);
          if (region !== undefined) regions.give(region);
        }
        assert.deepEqual(regions.take(REGIONS_CAPACITY), { offset: 0, sizeClass: 6 });
      }),
    );
  });
});
