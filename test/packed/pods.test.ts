/** Recorded pods, led through their life by the verbs of the packed executable and the pipe that it serves. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ScriptedBackend } from "../../hcs/scripted/backend.ts";
import { Recorder, type TraceEntry } from "../../hcs/scripted/recorder.ts";
import type { Json } from "../../hcs/scripted/platform.ts";
import { expectedDocuments, findCases, readExpected, type GoldenCase } from "../golden/runner/case.ts";
import { readKnownDifferences } from "../golden/runner/check.ts";
import { Placeholders } from "../golden/runner/compare/placeholders.ts";
import { compareResults } from "../golden/runner/compare/results.ts";
import { compareTraces } from "../golden/runner/compare/trace.ts";
import { compareValues, type Difference } from "../golden/runner/compare/values.ts";
import { judge } from "../golden/runner/known-differences.ts";
import { formatDifferences } from "../golden/runner/report.ts";
import { SHIM } from "./support/containerd.ts";
import { RecordedPod } from "./support/recorded-pod.ts";
import { WindowsMachine } from "./support/machine.ts";

const CASES = join(import.meta.dirname, "../golden/hcs");

/** Of the recorded machine; the rig's tells its own. */
const ZONE = { env: { TZ: "America/Los_Angeles" } };

/** What processes of the host end with when they are terminated, and guests' when they are killed. */
const STATUS = { terminated: 0xc000_013a, killed: 137, lost: 255 } as const;

interface Pod {
  readonly name: string;
  readonly isolation: string;
  /** How it ends after its recorded life. */
  readonly end: "shutDown" | "killShim";
  /** What `delete` answers for each task, and what it has the machine do. */
  readonly deleted: Readonly<
    Record<string, { readonly pid: number; readonly exitStatus: number; readonly calls: readonly string[] }>
  >;
}

const PODS: readonly Pod[] = [
  {
    name: "argon-exec-and-tty",
    isolation: "process isolation, with execs",
    end: "shutDown",
    deleted: { c1: { pid: 1004, exitStatus: STATUS.terminated, calls: [] } },
  },
  {
    name: "argon-pod-sandbox-and-workload",
    isolation: "process isolation",
    end: "shutDown",
    deleted: {
      pod1: { pid: 1004, exitStatus: STATUS.terminated, calls: [] },
      web: { pid: 1008, exitStatus: STATUS.terminated, calls: [] },
    },
  },
  {
    name: "wcow-pod-lifecycle",
    isolation: "hypervisor isolation",
    end: "shutDown",
    deleted: {
      pod1: { pid: 1, exitStatus: 0, calls: [] },
      c1: { pid: 1004, exitStatus: STATUS.killed, calls: [] },
    },
  },
  {
    name: "wcow-container-exec",
    isolation: "hypervisor isolation, with an exec; its shim is killed in the end",
    end: "killShim",
    deleted: {
      // The VM has gone with its last handle.
      pod1: { pid: 1, exitStatus: STATUS.lost, calls: ["HcsOpenComputeSystem"] },
      c1: { pid: 1004, exitStatus: STATUS.killed, calls: [] },
    },
  },
];

describe("recorded pods, by the packed executable", function () {
  this.timeout(300_000);
  const cases = findCases(CASES);
  const known = readKnownDifferences();

  for (const { name, isolation, end, deleted } of PODS) {
    it(`${name}: ${isolation}`, async () => {
      const golden = cases.find((candidate) => candidate.name === name);
      assert.ok(golden !== undefined, "there is no such case");
      const recorder = new Recorder();
      const { platform, files = [] } = golden.options;
      await using machine = await WindowsMachine.boot(new ScriptedBackend(platform, files, recorder));
      await using pod = await RecordedPod.open(golden, machine, recorder, ZONE);
      await pod.lead();
      const { unexpected } = judge(name, differencesOf(golden, pod, recorder), known);
      assert.equal(formatDifferences(unexpected, 20).join("\n"), "");
      await pod[end]();
      const answers: Record<string, Pod["deleted"][string]> = {};
      for (const id of pod.ids) {
        const { response, calls } = await pod.delete(id);
        answers[id] = { pid: response.pid, exitStatus: response.exitStatus, calls };
      }
      assert.deepEqual(answers, deleted);
      assert.deepEqual(machine.host.violations, []);
    });
  }
});

function differencesOf(golden: GoldenCase, pod: RecordedPod, { documents }: Recorder): Difference[] {
  const placeholders = new Placeholders({ OWNER: SHIM, SHIMDIR: "C:\\", temporaryDirectories: [] });
  const expected = (file: string): unknown => readExpected(golden, file);
  return [
    ...compareResults((expected("results.json") ?? []) as Json[], pod.results, placeholders),
    ...expectedDocuments(golden).flatMap((file) =>
      compareValues(file, expected(file), documents.get(file), placeholders),
    ),
    ...compareTraces((expected("trace.json") ?? []) as TraceEntry[], pod.trace, placeholders),
  ];
}
