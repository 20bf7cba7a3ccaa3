/**
 * Recorded pods through the Task service on the Windows backend. The machine behind the stand-ins has to be asked the same, in the same
 * order, as when the same shim speaks to it directly: which is what the suite "golden" compares with the reference.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { win32 } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ScriptedBackend } from "../../../hcs/scripted/backend.ts";
import type { HostEntry } from "../../../hcs/scripted/platform.ts";
import { Recorder, type TraceEntry } from "../../../hcs/scripted/recorder.ts";
import { Win32Backend } from "../../../hcs/win32/backend.ts";
import { systemClock } from "../../../shim/clock.ts";
import { taskEvents } from "../../../shim/events/task-events.ts";
import { Logger } from "../../../shim/log/logger.ts";
import { Options } from "../../../shim/options/own.ts";
import { Timeline } from "../../../shim/phases/timeline.ts";
import { Calls } from "../../../shim/service/calls.ts";
import { Shim } from "../../../shim/service/shim.ts";
import { registerTaskService } from "../../../shim/service/task-service.ts";
import { findCases, readCaseText, type GoldenCase } from "../../golden/runner/case.ts";
import { dialClientPipe } from "../../golden/runner/client-pipes.ts";
import { SHIM_DIRECTORY, SHIM_NAME } from "../../golden/runner/names.ts";
import { eventEntry } from "../../golden/runner/replies.ts";
import { bundleOf } from "../../golden/runner/requests.ts";
import { runShimCase } from "../../golden/runner/shim-run.ts";
import { TaskServiceHandlers, type StepOutcome } from "../../golden/runner/task-service-handlers.ts";
import { GOLDEN_CASES, THREAD_FILE } from "../control/commands.ts";
import { assertClean } from "./cleanliness.ts";
import { ask } from "./rig.ts";

const STATE_DIRECTORY = "C:\\ProgramData\\containerd\\runhcs";

/** A pod of each kind of isolation, and tasks of their own. */
const CASES = [
  "argon-standalone-lifecycle",
  "argon-pod-sandbox-and-workload",
  "wcow-standalone",
  "wcow-pod-lifecycle",
  "lcow-pod-lifecycle",
] as const;

/** What is left of a run: answers, events, and what the machine was asked. */
interface Outcome {
  readonly results: readonly StepOutcome[];
  readonly trace: readonly TraceEntry[];
  readonly documents: Readonly<Record<string, unknown>>;
}

describe("recorded pods on the Windows backend", () => {
  const cases = findCases(process.env[GOLDEN_CASES] ?? "");

  for (const name of CASES) {
    it(name, async () => {
      const golden = cases.find((candidate) => candidate.name === name);
      assert.ok(golden !== undefined, "there is no such case");
      const direct = await runShimCase(golden);
      const documents = Object.fromEntries(direct.documents);
      const results = direct.results.map(({ op: _op, id: _id, execId: _execId, ...outcome }) => outcome);
      const wanted = { results, trace: direct.trace, documents };
      assert.deepEqual(comparable(await runOnWindows(golden)), comparable(wanted));
      await assertClean();
    });
  }
});

/** Runs the steps of a case with a Windows backend of its own. */
async function runOnWindows(golden: GoldenCase): Promise<Outcome> {
  const { platform, files = [], tid = "", isSandbox, steps = [] } = golden.options;
  await ask("useScripted", { platform, files });
  for (const entry of files) makeEntry(entry);
  const backend = new Win32Backend({ file: process.env[THREAD_FILE] ?? "" });
  const logger = new Logger("info", () => systemClock.now());
  const trace: TraceEntry[] = [];
  const events = taskEvents((type, message) =>
    trace.push(eventEntry(type.typeName, type.create(message) as object)),
  );
  const shim = new Shim({
    id: tid,
    environment: {
      backend,
      // Of the recorded machine: Wine is another Windows.
      host: await new ScriptedBackend(platform, files, new Recorder()).host(),
      clock: systemClock,
      logger,
      timeline: new Timeline(),
      events,
      namespace: "k8s.io",
      stateDirectory: STATE_DIRECTORY,
      owner: SHIM_NAME,
      programDirectory: SHIM_DIRECTORY,
      streams: { reader: noStreams, writer: noStreams },
      dialPipe: dialClientPipe,
    },
    startedFor: isSandbox === true ? "sandbox" : "standalone",
    options: new Options({ values: new Map(), warnings: [] }),
    onIdle: () => undefined,
  });
  const service = new TaskServiceHandlers();
  registerTaskService(service, shim, new Calls(logger, systemClock), events);
  const results: StepOutcome[] = [];
  for (const step of steps) {
    const { op, id = "", execId = "" } = step;
    if (op === "create")
      makeEntry({
        path: `${bundleOf(id)}\\config.json`,
        content: readCaseText(golden, String(step["spec"])),
      });
    if (op === "exit") {
      const processId = shim.find(id).task.exec(execId).pid;
      await ask("endProcess", { processId, exitCode: Number(step["code"] ?? 0) });
      results.push({ ok: true });
    } else results.push(await service.call(step, new AbortController().signal));
  }
  await backend.close();
  return { results, trace: [...trace, ...(await ask("trace"))], documents: await ask("documents") };
}

type EntryToMake = Omit<HostEntry, "content"> & { readonly content?: string | Uint8Array };

function makeEntry({ path, dir = false, size = 0, content = Buffer.alloc(size) }: EntryToMake): void {
  mkdirSync(dir ? path : win32.dirname(path), { recursive: true });
  if (!dir) writeFileSync(path, content);
}

function noStreams(): Promise<never> {
  return Promise.reject(new Error("there are no streams"));
}

/** Facts are asked for as often as somebody likes, and handles closed whenever nobody needs them any more. */
const OPTIONAL: ReadonlySet<string> = new Set([
  "Step",
  "HcsCloseComputeSystem",
  "HcsGetComputeSystemProperties",
  "HcsGetServiceProperties",
]);

/** Ids that are made up get the number of their first appearance. Events have an order of their own. */
function comparable({ results, trace, documents }: Outcome): unknown {
  const calls = trace.filter(
    (entry, index) =>
      !OPTIONAL.has(entry.call) && entry.call !== "Event" && !isAskedAgain(entry, trace[index - 1]),
  );
  const events = trace.filter(({ call }) => call === "Event");
  const numbers = new Map<string, string>();
  const text = JSON.stringify({ calls, events, results, documents }).replaceAll(
    /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi,
    (guid) => {
      const id = guid.toLowerCase();
      if (!numbers.has(id)) numbers.set(id, `GUID ${numbers.size + 1}`);
      return numbers.get(id) ?? "";
    },
  );
  return JSON.parse(text);
}

/** The DLL is asked how long the path is, and then for the path. */
function isAskedAgain(entry: TraceEntry, previous: TraceEntry | undefined): boolean {
  return entry.call === "GetLayerMountPath" && isDeepStrictEqual(entry, previous);
}
