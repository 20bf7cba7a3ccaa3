import assert from "node:assert/strict";
import { Placeholders } from "../../../golden/runner/compare/placeholders.ts";
import { compareTraces } from "../../../golden/runner/compare/trace.ts";
import type { TraceEntry } from "../../../../hcs/scripted/recorder.ts";

const STEP: TraceEntry = { call: "Step", op: "create", id: "c1" };

/** Paths of differences between the entries of one step. */
function differences(expected: readonly TraceEntry[], actual: readonly TraceEntry[]): string[] {
  const placeholders = new Placeholders({ OWNER: "shim", SHIMDIR: "C:\\shim", temporaryDirectories: [] });
  return compareTraces([STEP, ...expected], [STEP, ...actual], placeholders).map(({ path }) => path);
}

const calls = (...names: string[]): TraceEntry[] => names.map((call) => ({ call }));
const event = (topic: string): TraceEntry => ({ call: "Event", topic });

describe("compareTraces", () => {
  it("wants calls in their order", () => {
    assert.deepEqual(differences(calls("A", "B"), calls("A", "B")), []);
    assert.deepEqual(differences(calls("A", "B"), calls("B", "A")), ["trace.json step 1 create c1 calls 1"]);
  });

  it("tells of a call too few and of one too many", () => {
    assert.deepEqual(differences(calls("A", "B"), calls("A")), ["trace.json step 1 create c1 calls 2"]);
    assert.deepEqual(differences(calls("A"), calls("A", "B")), ["trace.json step 1 create c1 calls 2"]);
  });

  it("goes on after a call whose members differ", () => {
    const entry = (a: number, b: number): TraceEntry[] => [
      { call: "A", a },
      { call: "B", b },
    ];
    assert.deepEqual(differences(entry(1, 2), entry(3, 4)), [
      "trace.json step 1 create c1 calls 1 A/a",
      "trace.json step 1 create c1 calls 2 B/b",
    ]);
  });

  it("lets events come at any time, in their own order", () => {
    const [one, two] = [event("/one"), event("/two")];
    assert.deepEqual(differences([one, ...calls("A"), two], [...calls("A"), one, two]), []);
    assert.deepEqual(differences([one, two], [two, one]), [
      "trace.json step 1 create c1 events 1 Event/topic",
      "trace.json step 1 create c1 events 2 Event/topic",
    ]);
  });

  it("takes what is unordered in any order, and only that", () => {
    const group: TraceEntry = { call: "$unordered", entries: calls("B", "C") };
    const expected = [...calls("A"), group, ...calls("D")];
    assert.deepEqual(differences(expected, calls("A", "C", "B", "D")), []);
    assert.deepEqual(differences(expected, calls("A", "B", "D", "C")).length > 0, true);
  });

  it("finds the order of unordered calls that fits made-up values", () => {
    const group: TraceEntry = {
      call: "$unordered",
      entries: [
        { call: "A", pid: "${PID:1}", last: false },
        { call: "A", pid: "${PID:2}", last: true },
      ],
    };
    const actual = [
      { call: "A", pid: 1008, last: true },
      { call: "A", pid: 1004, last: false },
      { call: "B", pid: 1004 },
    ];
    assert.deepEqual(differences([group, { call: "B", pid: "${PID:1}" }], actual), []);
    assert.deepEqual(differences([group, { call: "B", pid: "${PID:2}" }], actual).length, 1);
  });

  it("lets an implementation grant access and close handles as it likes", () => {
    assert.deepEqual(differences(calls("A", "GrantVmAccess", "HcsCloseComputeSystem"), calls("A")), []);
    assert.deepEqual(differences(calls("A"), calls("GrantVmAccess", "A")), []);
  });

  it("lets it ask a fresh handle for basic properties, and no other", () => {
    const basic: TraceEntry = { call: "HcsGetComputeSystemProperties", query: {} };
    const list: TraceEntry = {
      call: "HcsGetComputeSystemProperties",
      query: { PropertyTypes: ["ProcessList"] },
    };
    const create = calls("HcsCreateComputeSystem");
    assert.deepEqual(differences([...create, basic, basic], create), []);
    assert.deepEqual(differences([...create, list], create).length, 1);
    assert.deepEqual(differences(calls("A"), [...calls("A"), basic]).length, 1);
  });

  it("lets it ask for the processors of the machine, not for credentials", () => {
    const query = (type: string): TraceEntry => ({
      call: "HcsGetServiceProperties",
      query: { PropertyTypes: [type] },
    });
    assert.deepEqual(differences([query("ProcessorTopology")], []), []);
    assert.deepEqual(differences([query("ContainerCredentialGuard")], []).length, 1);
  });

  it("lets it end a job twice", () => {
    const once = calls("JobObject.Terminate", "JobObject.Close");
    assert.deepEqual(differences([...once, ...calls("JobObject.Terminate")], once), []);
    assert.deepEqual(differences(once, calls("JobObject.Close")).length, 1);
  });
});
