import assert from "node:assert/strict";
import { Options, readAnnotations, readTable } from "../../../../shim/options/own.ts";
import { OPTIONS } from "../../../../shim/options/table.ts";
import { PHASES } from "../../../../shim/phases/table.ts";

describe("readTable", () => {
  it("reads nested tables as dotted names", () => {
    const { values } = readTable({ log: { level: "debug" }, budgets: { "vm-boot": "90s" } }, "node", "file");
    assert.deepEqual(
      [...values],
      [
        ["log.level", "debug"],
        ["budgets.vm-boot", 90_000],
      ],
    );
  });

  it("warns about an unknown option, with the nearest known one", () => {
    const { warnings } = readTable({ log: { leve: "debug" } }, "node", "file");
    assert.deepEqual(
      warnings.map(({ message }) => message),
      ['unknown option, did you mean "log.level"?'],
    );
  });

  it("suggests nothing for something entirely different", () => {
    const { warnings } = readTable({ x: 1 }, "node", "file");
    assert.deepEqual(
      warnings.map(({ message }) => message),
      ["unknown option"],
    );
  });

  it("refuses a value of the wrong kind, naming file, option and kind", () => {
    assert.throws(
      () => readTable({ log: { level: "loud" } }, "node", "/etc/x.toml"),
      /invalid option "log\.level" in \/etc\/x\.toml: must be "error", "warn", .* \(found "loud"\)/,
    );
  });

  it("refuses an option of the node in runtime options", () => {
    assert.throws(
      () => readTable({ state_directory: "/x" }, "runtime", "table"),
      /it is read from node only/,
    );
  });
});

describe("durations", () => {
  const kind = OPTIONS.get("budgets.drain")?.kind;
  for (const [value, ms] of [
    ["250ms", 250],
    ["30s", 30_000],
    ["2m", 120_000],
    ["1.5h", 5_400_000],
    ["7", 7_000],
    [2, 2_000],
    ["0s", undefined],
    ["-1s", undefined],
    ["soon", undefined],
    [true, undefined],
  ] as const) {
    it(`reads ${JSON.stringify(value)} as ${ms} ms`, () => assert.equal(kind?.parse(value), ms));
  }
});

describe("readAnnotations", () => {
  it("reads our own keys and leaves others alone", () => {
    const layer = readAnnotations({
      "io.containerd.runhcs.budgets.drain": "5s",
      "io.kubernetes.cri.sandbox-id": "x",
    });
    assert.deepEqual([[...layer.values], layer.warnings], [[["budgets.drain", 5000]], []]);
  });

  it("never fails a pod: what it cannot follow is a warning", () => {
    const { values, warnings } = readAnnotations({
      "io.containerd.runhcs.budgets.drain": "soon",
      "io.containerd.runhcs.state_directory": "/x",
      "io.containerd.runhcs.nonsense": "1",
    });
    assert.equal(values.size, 0);
    assert.deepEqual(
      warnings.map(({ option }) => option),
      ["budgets.drain", "state_directory", "nonsense"],
    );
  });
});

describe("Options", () => {
  it("are the defaults where nothing is set", () => {
    const options = new Options();
    assert.equal(options.bootstrap, "auto");
    assert.equal(options.budgetMs("vm-boot"), PHASES["vm-boot"].budgetMs);
  });

  it("come from the strongest layer that sets them", () => {
    const node = readTable({ budgets: { drain: "1s", query: "1s" } }, "node", "node");
    const runtime = readTable({ budgets: { drain: "2s" } }, "runtime", "runtime");
    const pod = readAnnotations({ "io.containerd.runhcs.budgets.drain": "3s" });
    const options = new Options(runtime, node);
    assert.deepEqual([options.budgetMs("drain"), options.budgetMs("query")], [2000, 1000]);
    assert.equal(options.with(pod).budgetMs("drain"), 3000);
  });

  it("have a budget for every phase", () => {
    for (const phase of Object.keys(PHASES)) assert.ok(OPTIONS.has(`budgets.${phase}`), phase);
  });
});
