import assert from "node:assert/strict";
import { ClientError } from "../../../../shim/client/errors.ts";
import {
  linuxResources,
  parseMemory,
  windowsResources,
  type Limits,
} from "../../../../shim/client/options/limits.ts";

const MB = 1024 ** 2;

describe("parseMemory", () => {
  const cases: [text: string | number, bytes: number | undefined][] = [
    ["max", undefined],
    [1000, 1000],
    ["1024", 1024],
    ["1K", 1024],
    ["512M", 512 * MB],
    ["512MiB", 512 * MB],
    ["512mb", 512 * MB],
    ["1.5G", 1536 * MB],
    ["1T", 1024 ** 4],
  ];
  for (const [text, bytes] of cases) it(`reads ${text}`, () => assert.equal(parseMemory(text), bytes));

  for (const text of ["", "0", "-1", "12X", "G", "1e9", "1 G"]) {
    it(`refuses "${text}"`, () => {
      assert.throws(
        () => parseMemory(text),
        (error: unknown) => ClientError.is(error, "InvalidArgument"),
      );
    });
  }
});

describe("linuxResources", () => {
  const cases: [limits: Limits, resources: object | undefined][] = [
    [{}, undefined],
    [{ memory: "max" }, undefined],
    [{ memory: "64M" }, { memory: { limit: 64 * MB } }],
    [{ cpuWeight: 1 }, { cpu: { shares: 2 } }],
    [{ cpuWeight: 100 }, { cpu: { shares: 2597 } }],
    [{ cpuWeight: 10_000 }, { cpu: { shares: 262_144 } }],
    [{ cpuPercent: 50 }, { cpu: { quota: 200_000, period: 100_000 } }],
    [{ cpus: 0.5 }, { cpu: { quota: 50_000, period: 100_000 } }],
    [{ cpus: 100 }, { cpu: { quota: 400_000, period: 100_000 } }],
    [{ processes: 20 }, { pids: { limit: 20 } }],
  ];
  for (const [limits, resources] of cases) {
    it(`of ${JSON.stringify(limits)} on 4 processors`, () =>
      assert.deepEqual(linuxResources(limits, 4), resources));
  }
});

describe("windowsResources", () => {
  const cases: [limits: Limits, resources: object | undefined][] = [
    [{}, undefined],
    [{ memory: "64M" }, { memory: { limit: 64 * MB } }],
    [{ memory: 1000 }, { memory: { limit: MB } }],
    [{ cpuPercent: 50 }, { cpu: { maximum: 5000 } }],
    [{ cpus: 1 }, { cpu: { maximum: 2500 } }],
    [{ cpuPercent: 0.001 }, { cpu: { maximum: 1 } }],
    [{ cpuWeight: 500 }, { cpu: { shares: 500 } }],
    [{ processes: 5 }, undefined],
  ];
  for (const [limits, resources] of cases) {
    it(`of ${JSON.stringify(limits)} on 4 processors`, () =>
      assert.deepEqual(windowsResources(limits, 4), resources));
  }
});

describe("limits", () => {
  const refused: Limits[] = [
    { cpuWeight: 0 },
    { cpuWeight: 10_001 },
    { cpuWeight: 1.5 },
    { cpuPercent: 0 },
    { cpuPercent: 101 },
    { cpus: -1 },
    { cpus: 1, cpuPercent: 50 },
    { processes: 0 },
  ];
  for (const limits of refused) {
    it(`are refused as ${JSON.stringify(limits)}, naming the field`, () => {
      assert.throws(
        () => linuxResources(limits, 4),
        /invalid limits\.(cpuWeight|cpuPercent|cpus|processes): /,
      );
    });
  }
});
