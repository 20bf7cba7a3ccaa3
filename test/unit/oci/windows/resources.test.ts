import assert from "node:assert/strict";
import { AnnotationReader } from "../../../../oci/annotations/read.ts";
import { SpecError } from "../../../../oci/errors.ts";
import type { Placement } from "../../../../oci/windows/placement.ts";
import {
  checkAffinity,
  containerLimits,
  processorSettings,
  storageQoS,
} from "../../../../oci/windows/resources.ts";
import type { WindowsResources } from "../../../../oci/windows/spec.ts";

const HOST: Placement = { kind: "host", build: 20348, processors: 8 };
const VM: Placement = {
  kind: "vm",
  build: 20348,
  processors: 2,
  hostProcessors: 8,
  scaleProcessorLimit: true,
};

const limits = (
  resources: WindowsResources,
  annotations: Record<string, string> = {},
  placement: Placement = HOST,
) => {
  const reader = new AnnotationReader(annotations);
  return { ...containerLimits(reader, resources, placement), warnings: reader.warnings };
};

describe("containerLimits", () => {
  it("floors memory to whole MiB", () => {
    assert.equal(limits({ memoryLimit: 734_003_201 }).memoryMb, 700);
  });

  it("prefers annotations, and counts their zero as absent", () => {
    const annotations = {
      "io.microsoft.container.memory.sizeinmb": "512",
      "io.microsoft.container.storage.qos.iopsmaximum": "0",
    };
    const { memoryMb, storageIops } = limits({ memoryLimit: 1024 ** 3, storageIops: 7 }, annotations);
    assert.deepEqual([memoryMb, storageIops], [512, 7]);
  });

  it("lowers the processor count to what is there, and says so", () => {
    const { processorCount, warnings } = limits({ cpuCount: 64 });
    assert.equal(processorCount, 8);
    assert.deepEqual(
      warnings.map(({ kind }) => kind),
      ["processor-count-clamped-to-available"],
    );
    assert.equal(limits({ cpuCount: 5 }, {}, VM).processorCount, 2);
  });

  for (const pair of [
    { cpuCount: 1, cpuShares: 1 },
    { cpuCount: 1, cpuMaximum: 1 },
    { cpuMaximum: 1, cpuShares: 1 },
  ]) {
    it(`refuses ${Object.keys(pair).join(" with ")}`, () => {
      assert.throws(() => limits(pair), SpecError);
    });
  }

  it("refuses a limit of the spec beside another one of an annotation", () => {
    assert.throws(
      () => limits({ cpuCount: 1 }, { "io.microsoft.container.processor.weight": "5" }),
      /exclude one another/,
    );
  });

  it("refuses negative annotations", () => {
    assert.throws(
      () => limits({}, { "io.microsoft.container.processor.count": "-1" }),
      /must not be negative/,
    );
  });

  const SCALED: readonly (readonly [number, Placement, number])[] = [
    [1000, VM, 4000],
    [9000, VM, 10_000],
    [1, { ...VM, hostProcessors: 1, processors: 8 }, 1],
    [1000, { ...VM, scaleProcessorLimit: false }, 1000],
    [1000, HOST, 1000],
  ];
  for (const [maximum, placement, expected] of SCALED) {
    it(`makes ${expected} of a maximum of ${maximum} in ${JSON.stringify(placement)}`, () => {
      assert.equal(limits({ cpuMaximum: maximum }, {}, placement).processorMaximum, expected);
    });
  }

  it("holds bandwidths to what 32 bits can say", () => {
    assert.equal(limits({ storageBps: 2 ** 40 }).storageBandwidth, 2 ** 31 - 1);
  });
});

describe("processorSettings", () => {
  it("is empty without limits", () => assert.deepEqual(processorSettings(limits({})), {}));
  it("has the one that is set", () => {
    assert.deepEqual(processorSettings(limits({ cpuMaximum: 2500 })), { Maximum: 2500 });
  });
});

describe("storageQoS", () => {
  it("is absent without limits", () => assert.equal(storageQoS(limits({})), undefined));
  it("leaves the member out that is zero", () => {
    assert.deepEqual(storageQoS(limits({ storageIops: 5 })), { IopsMaximum: 5 });
  });
});

describe("checkAffinity", () => {
  const check = (affinity: Parameters<typeof checkAffinity>[0], build: number) => () =>
    checkAffinity(affinity, build, "/cpu");

  it("refuses an empty mask on any build", () => {
    assert.throws(check([{ mask: 0, group: 0 }], 26100), /must name a processor/);
  });
  it("takes one mask of the first group on any build", () => {
    assert.doesNotThrow(check([{ mask: 3, group: 0 }], 17763));
  });
  it("refuses several masks, or another group, before build 20348", () => {
    assert.throws(check([{ mask: 3, group: 1 }], 19042), /need build 20348/);
    assert.throws(
      check(
        [
          { mask: 3, group: 0 },
          { mask: 1, group: 0 },
        ],
        19042,
      ),
      /need build 20348/,
    );
    assert.doesNotThrow(check([{ mask: 3, group: 1 }], 20348));
  });
});
