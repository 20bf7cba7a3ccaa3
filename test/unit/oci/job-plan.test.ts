import assert from "node:assert/strict";
import { AnnotationReader } from "../../../oci/annotations/read.ts";
import { jobLimits, jobMounts, jobRoot, processorRate, type JobHost } from "../../../oci/job-plan.ts";
import { readSpec } from "../../../oci/spec.ts";

const HOST: JobHost = { build: 20348, processors: 8, canBindFiles: true };

describe("jobRoot", () => {
  const root = (host: JobHost, location?: string) =>
    jobRoot(
      new AnnotationReader(
        location === undefined ? {} : { "microsoft.com/hostprocess-rootfs-location": location },
      ),
      "c1",
      host,
    );
  const linked = { ...HOST, canBindFiles: false };

  it("is the same for every container where files can be bound", () => {
    assert.deepEqual(root(HOST), { path: "C:\\hpc\\", isPrivate: true });
    assert.deepEqual(root(HOST, "D:\\x"), { path: "D:\\x\\", isPrivate: true });
  });
  it("has the container's id in it where they cannot", () => {
    assert.deepEqual(root(linked), { path: "C:\\hpc\\c1\\", isPrivate: false });
    assert.deepEqual(root(linked, "D:\\x\\"), { path: "D:\\x\\c1\\", isPrivate: false });
  });
});

describe("jobMounts", () => {
  const mounts = (...list: object[]) => jobMounts(readSpec({ mounts: list }));

  it("also appear below the root, without their drive", () => {
    assert.deepEqual(
      mounts(
        { source: "C:\\h", destination: "C:\\in\\data", options: ["RO"] },
        { source: "C:\\h", destination: "D:" },
      ),
      [
        { source: "C:\\h", destination: "C:\\in\\data", linkBelowRoot: "in\\data", readOnly: true },
        { source: "C:\\h", destination: "D:", linkBelowRoot: ".", readOnly: false },
      ],
    );
  });
  it("are no pipes", () => {
    const pipe = { source: "\\\\.\\pipe\\a", destination: "\\\\.\\pipe\\b" };
    assert.throws(() => mounts(pipe), /do not mount them/);
  });
});

describe("jobLimits", () => {
  const limits = (resources: object, host = HOST) =>
    jobLimits(new AnnotationReader({}), readSpec({ windows: { resources } }), host);

  it("are none by default", () => {
    assert.deepEqual(limits({}), { memory: undefined, processor: undefined, affinity: [], io: undefined });
  });
  it("keep the job's end with its handle beside a memory limit", () => {
    assert.deepEqual(limits({ memory: { limit: 104_857_600 } }).memory, {
      limitFlags: 0x2200,
      affinity: 0,
      jobMemoryLimit: 104_857_600,
    });
  });
  const PROCESSORS: readonly (readonly [object, object])[] = [
    [{ count: 2 }, { controlFlags: 5, value: 2500 }],
    [{ maximum: 42 }, { controlFlags: 5, value: 42 }],
    [{ shares: 5000 }, { controlFlags: 3, value: 5 }],
    [{ shares: 10_000 }, { controlFlags: 3, value: 9 }],
    [{ shares: 1 }, { controlFlags: 3, value: 1 }],
  ];
  for (const [cpu, expected] of PROCESSORS) {
    it(`make ${JSON.stringify(expected)} of ${JSON.stringify(cpu)}`, () => {
      assert.deepEqual(limits({ cpu }).processor, expected);
    });
  }
  it("refuse more than all processors", () => {
    assert.throws(() => limits({ cpu: { maximum: 10_001 } }), /must be 1 to 10000/);
  });
  it("control input and output together", () => {
    assert.deepEqual(limits({ storage: { iops: 50, bps: 1000 } }).io, {
      controlFlags: 1,
      maxIops: 50,
      maxBandwidth: 1000,
    });
  });
  it("check the affinity", () => {
    const affinity = [{ mask: 1, group: 1 }];
    assert.deepEqual(limits({ cpu: { affinity } }).affinity, affinity);
    assert.throws(() => limits({ cpu: { affinity } }, { ...HOST, build: 17763 }), /need build 20348/);
  });
});

describe("processorRate", () => {
  for (const [host, count, rate] of [
    [10, 1, 1000],
    [10, 5, 5000],
    [20, 5, 2500],
    [1, 1, 10_000],
    [1, 0, 1],
  ] as const) {
    it(`of ${count} of ${host} is ${rate}`, () => assert.equal(processorRate(count, host), rate));
  }
});
