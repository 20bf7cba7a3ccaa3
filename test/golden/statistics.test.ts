/** Stats of every kind of task on Windows, as containerd asks for them: the steps of a case, and a question in between. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json } from "../../hcs/scripted/platform.ts";
import { findCases, type Step } from "./runner/case.ts";
import { runShimCase } from "./runner/shim-run.ts";

const CASES = join(dirname(fileURLToPath(import.meta.url)), "hcs");

/** Stats of each task of a case right after its start. */
async function statsOf(name: string): Promise<ReadonlyMap<string, Json>> {
  const [golden] = findCases(join(CASES, name));
  assert.ok(golden?.options.steps);
  const steps = golden.options.steps.flatMap((step): Step[] =>
    step.op === "start" && step.execId === undefined ? [step, { op: "stats", id: step.id ?? "" }] : [step],
  );
  const { results } = await runShimCase({ ...golden, options: { ...golden.options, steps } });
  return new Map(
    results
      .filter(({ op, ok }) => op === "stats" && ok === true)
      .map(({ id, response }) => [id, response?.["stats"] as Json]),
  );
}

/** What every system of the scripted machine has used, in nanoseconds and bytes. */
const WINDOWS = {
  timestamp: "2024-01-02T03:04:05Z",
  containerStartTime: "2024-01-02T03:03:05Z",
  uptimeNs: "60000000000",
  processor: { totalRuntimeNs: "200000", runtimeUserNs: "100000", runtimeKernelNs: "100000" },
  memory: {
    memoryUsageCommitBytes: "4096",
    memoryUsageCommitPeakBytes: "8192",
    memoryUsagePrivateWorkingSetBytes: "2048",
  },
  storage: {
    readCountNormalized: "3",
    readSizeBytes: "12288",
    writeCountNormalized: "2",
    writeSizeBytes: "8192",
  },
};

/** Of a VM that has its 1024 MiB. */
function vm(workingSetMb: number): Json {
  return {
    processor: { totalRuntimeNs: "200000" },
    memory: {
      workingSetBytes: String(workingSetMb * 1024 ** 2),
      virtualNodeCount: 1,
      vmMemory: { assignedMemory: "262144" },
    },
  };
}

/** Working set of the scripted machine's VMs. */
const WORKING_SET_MB = 256;

/** What, name of the case, expected answers. */
const CASES_OF_TASKS: readonly (readonly [string, string, Readonly<Record<string, Json>>])[] = [
  ["a process-isolated container are its own", "argon-standalone-lifecycle", { job1: { windows: WINDOWS } }],
  [
    "a pod in a Windows VM are the VM's for the sandbox, and the container's own",
    "wcow-pod-lifecycle",
    { pod1: { vm: vm(WORKING_SET_MB) }, c1: { windows: WINDOWS } },
  ],
  [
    "a VM with physically backed memory count all of it",
    "wcow-uvm-physically-backed",
    { pod1: { vm: vm(1024) }, c1: { windows: WINDOWS } },
  ],
  [
    "a single container in a VM are its own and the VM's",
    "wcow-standalone",
    { solo: { windows: WINDOWS, vm: vm(WORKING_SET_MB) } },
  ],
  [
    "a pod in a Linux VM are container's and VM's for the sandbox, and the container's own",
    "lcow-pod-lifecycle",
    { pod1: { linux: {}, vm: vm(WORKING_SET_MB) }, c1: { linux: {} } },
  ],
];

describe("Stats", () => {
  for (const [what, name, expected] of CASES_OF_TASKS) {
    it(`of ${what}`, async () => {
      const stats = Object.fromEntries(await statsOf(name));
      const typed = Object.entries(expected).map(([id, members]) => [
        id,
        { "@type": "containerd.runhcs.stats.v1.Statistics", ...members },
      ]);
      assert.deepEqual(stats, Object.fromEntries(typed));
    });
  }
});
