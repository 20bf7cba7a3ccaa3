import assert from "node:assert/strict";
import { numaParts, type NumaSubject, type NumaWishes } from "../../../../oci/documents/vm-numa.ts";
import { SpecError } from "../../../../oci/errors.ts";

const NOTHING: NumaWishes = {
  maxProcessorsPerNode: 0,
  maxSizePerNode: 0,
  preferredPhysicalNodes: [],
  mappedPhysicalNodes: [],
  processorCounts: [],
  memoryBlocks: [],
};
const VM: NumaSubject = { build: 26_100, processorCount: 4, memoryMb: 2048, allowOvercommit: false };
const BY_SIZE: NumaWishes = { ...NOTHING, maxProcessorsPerNode: 2, maxSizePerNode: 1024 };
const BY_NODES: NumaWishes = {
  ...NOTHING,
  mappedPhysicalNodes: [0, 1],
  processorCounts: [1, 3],
  memoryBlocks: [512, 1536],
};

describe("numaParts", () => {
  it("adds nothing when neither sizes nor nodes are asked for", () => {
    assert.equal(numaParts({ ...NOTHING, preferredPhysicalNodes: [0], maxSizePerNode: 9 }, VM), undefined);
  });

  it("divides by the most processors and memory of a node", () => {
    assert.deepEqual(numaParts({ ...BY_SIZE, preferredPhysicalNodes: [0, 1] }, VM), {
      memory: { SlitType: "FirmwareFallbackMeasured" },
      processor: { NumaProcessorsSettings: { count_per_node: { max: 2 } } },
      numa: { MaxSizePerNode: 1024, PreferredPhysicalNodes: [0, 1] },
    });
  });

  it("makes the nodes that were listed, numbers of zero left out", () => {
    assert.deepEqual(numaParts(BY_NODES, VM)?.numa, {
      VirtualNodeCount: 2,
      Settings: [
        { CountOfProcessors: 1, CountOfMemoryBlocks: 512, MemoryBackingType: "Physical" },
        {
          VirtualNodeNumber: 1,
          PhysicalNodeNumber: 1,
          VirtualSocketNumber: 1,
          CountOfProcessors: 3,
          CountOfMemoryBlocks: 1536,
          MemoryBackingType: "Physical",
        },
      ],
    });
  });

  it("goes by sizes when both are asked for", () => {
    assert.ok(numaParts({ ...BY_NODES, ...BY_SIZE, mappedPhysicalNodes: [0, 1] }, VM)?.numa.MaxSizePerNode);
  });

  const refused: readonly (readonly [string, NumaWishes, Partial<NumaSubject>?])[] = [
    ["a host before build 26100", BY_SIZE, { build: 25_398 }],
    ["overcommitted memory", BY_SIZE, { allowOvercommit: true }],
    ["processors per node without a size", { ...BY_SIZE, maxSizePerNode: 0 }],
    ["lists of different lengths", { ...BY_NODES, processorCounts: [4] }],
    ["no memory sizes", { ...BY_NODES, memoryBlocks: [] }],
    ["a physical node of 64", { ...BY_NODES, mappedPhysicalNodes: [0, 64] }],
    ["any node beside a chosen one", { ...BY_NODES, mappedPhysicalNodes: [0, 255] }],
    ["a node without memory", { ...BY_NODES, memoryBlocks: [0, 2048] }],
    ["processors that do not add up", { ...BY_NODES, processorCounts: [1, 1] }],
    ["memory that does not add up", { ...BY_NODES, memoryBlocks: [512, 512] }],
    [
      "more nodes than there can be",
      {
        ...NOTHING,
        mappedPhysicalNodes: Array<number>(66).fill(255),
        processorCounts: Array<number>(66).fill(0),
        memoryBlocks: Array<number>(66).fill(1),
      },
    ],
  ];
  for (const [what, wishes, subject] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => numaParts(wishes, { ...VM, ...subject }), SpecError);
    });
  }

  it("takes all nodes as any node", () => {
    const wishes = { ...BY_NODES, mappedPhysicalNodes: [255, 255] };
    assert.equal(numaParts(wishes, VM)?.numa.Settings?.[0]?.PhysicalNodeNumber, 255);
  });
});
