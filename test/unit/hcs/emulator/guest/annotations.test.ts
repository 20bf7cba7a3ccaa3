import assert from "node:assert/strict";
import {
  ANNOTATION,
  coreLimitOf,
  isSet,
  kindOf,
  shmSizeKbOf,
} from "../../../../../hcs/emulator/guest/annotations.ts";

describe("kindOf", () => {
  const cases: readonly (readonly [string, Record<string, string> | undefined, object])[] = [
    ["without annotations", undefined, { type: "standalone", sandboxId: "c" }],
    ["of a sandbox", { [ANNOTATION.containerType]: "sandbox" }, { type: "sandbox", sandboxId: "c" }],
    [
      "of a sandbox, whose id is its own whatever is said",
      { [ANNOTATION.containerType]: "sandbox", [ANNOTATION.sandboxId]: "other" },
      { type: "sandbox", sandboxId: "c" },
    ],
    [
      "of a workload",
      { [ANNOTATION.containerType]: "container", [ANNOTATION.sandboxId]: "pod" },
      { type: "workload", sandboxId: "pod" },
    ],
    [
      "of a virtual pod's sandbox",
      {
        [ANNOTATION.containerType]: "container",
        [ANNOTATION.sandboxId]: "pod",
        [ANNOTATION.virtualPodId]: "c",
      },
      { type: "sandbox", sandboxId: "c" },
    ],
    [
      "of a workload in a virtual pod",
      {
        [ANNOTATION.containerType]: "container",
        [ANNOTATION.sandboxId]: "pod",
        [ANNOTATION.virtualPodId]: "v",
      },
      { type: "workload", sandboxId: "v" },
    ],
  ];
  for (const [what, annotations, expected] of cases) {
    it(`tells the kind ${what}`, () => {
      assert.deepEqual(kindOf("c", annotations === undefined ? {} : { annotations }), expected);
    });
  }

  it("refuses other types, and workloads of no pod", () => {
    assert.throws(
      () => kindOf("c", { annotations: { [ANNOTATION.containerType]: "pod" } }),
      /invalid container type "pod"/,
    );
    assert.throws(
      () => kindOf("c", { annotations: { [ANNOTATION.containerType]: "container" } }),
      /workload container "c" has no annotation io.kubernetes.cri.sandbox-id/,
    );
  });
});

describe("isSet", () => {
  for (const [value, expected] of [
    ["true", true],
    ["TRUE", true],
    ["1", false],
    ["", false],
  ] as const) {
    it(`is ${expected} for "${value}"`, () => {
      assert.equal(isSet({ annotations: { key: value } }, "key"), expected);
    });
  }

  it("is false without the annotation", () => {
    assert.equal(isSet({}, "key"), false);
  });
});

describe("coreLimitOf", () => {
  const limit = (text: string): unknown => coreLimitOf({ annotations: { [ANNOTATION.coreLimit]: text } });

  it("reads soft and hard limits of 64 bits", () => {
    assert.equal(coreLimitOf({}), undefined);
    assert.deepEqual(limit(" 0;18446744073709551615 "), {
      type: "RLIMIT_CORE",
      soft: 0n,
      hard: 2n ** 64n - 1n,
    });
  });

  for (const text of ["", "1", "1;2;3", "a;b", "-1;1", "1;18446744073709551616", "1;"]) {
    it(`refuses "${text}"`, () => {
      assert.throws(() => limit(text), /is not "soft;hard"/);
    });
  }
});

describe("shmSizeKbOf", () => {
  const size = (text: string): unknown => shmSizeKbOf({ annotations: { [ANNOTATION.shmSizeKb]: text } });

  it("reads a positive number", () => {
    assert.equal(shmSizeKbOf({}), undefined);
    assert.equal(size("2048"), "2048");
  });

  for (const text of ["", "0", "-1", "1.5", "64m"]) {
    it(`refuses "${text}"`, () => {
      assert.throws(() => size(text), /is not a positive number/);
    });
  }
});
