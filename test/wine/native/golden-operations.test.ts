/**
 * The golden cases recorded at the level of single functions of computecore.dll: the same calls with the same arguments, apart from what
 * `DIFFERENCES.md` names under "Operations".
 */
import assert from "node:assert/strict";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import type { ProcessParameters } from "../../../hcs/schema/process.ts";
import { Win32ComputeSystems } from "../../../hcs/win32/compute/compute-systems.ts";
import lifeDocument from "../../golden/hcs/ops-argon/expected/container-c1.json" with { type: "json" };
import lifeTrace from "../../golden/hcs/ops-argon/expected/trace.json" with { type: "json" };
import refusedDocument from "../../golden/hcs/ops-failures/expected/container-c1.json" with { type: "json" };
import startedDocument from "../../golden/hcs/ops-failures/expected/container-c1-2.json" with { type: "json" };
import failuresTrace from "../../golden/hcs/ops-failures/expected/trace.json" with { type: "json" };
import failuresOptions from "../../golden/hcs/ops-failures/options.json" with { type: "json" };
import { assertClean } from "./cleanliness.ts";
import { ask, PLATFORM } from "./rig.ts";

type Entry = { readonly call: string } & Readonly<Record<string, unknown>>;
type CallRecord = Awaited<ReturnType<typeof ask<"takeCalls">>>[number];

/** What the reference does, as this backend does it. */
function expected(trace: readonly Entry[]): Entry[] {
  const calls = trace.filter(({ call }) => call.startsWith("Hcs") || call === "Step");
  // A signal goes to the handle there is; the reference opens the system and the process once more.
  const kill = calls.findIndex(({ call, op }) => call === "Step" && op === "kill");
  const opened = calls.findIndex(({ call }, index) => index > kill && call === "HcsTerminateProcess") - 1;
  const again = kill < 0 ? calls : [...calls.slice(0, kill), ...calls.slice(opened)];
  const closes = again.findIndex(
    ({ call }, index) => kill >= 0 && index > kill && call === "HcsCloseProcess",
  );
  const once = kill < 0 ? again : again.filter((_, index) => index !== closes && index !== closes + 1);
  return once.flatMap((entry, index): Entry[] => {
    const { call } = entry;
    const next = once[index + 1]?.call;
    const before = once[index - 1]?.call;
    // Nothing is asked of a system that was just made.
    if (call === "HcsCreateOperation" && next === "HcsGetComputeSystemProperties") return [];
    if (call === "HcsGetComputeSystemProperties") return [];
    if (before === "HcsGetComputeSystemProperties") return [];
    // Closed in the background: when, is not told; that it is closed, the end of each test checks.
    if (call === "HcsCloseOperation" || call === "Step") return [];
    if (call === "HcsCreateOperation") return [{ call, hasCallback: true }];
    // Called back instead of waiting on a thread.
    if (call.startsWith("HcsWaitFor")) return [{ call: call.replace("WaitFor", "Get") }];
    if (call === "HcsSetComputeSystemCallback") return [{ ...entry, options: 0 }];
    return [entry];
  });
}

/** What was called, in the words of the golden cases. */
function got(calls: readonly CallRecord[]): Entry[] {
  const ending = new Set(
    calls
      .filter(({ function: name }) => name === "HcsShutDownComputeSystem")
      .map(({ operation }) => operation),
  );
  return calls.flatMap((fields): Entry[] => {
    const call = String(fields["function"]);
    const json = (name: string): unknown => JSON.parse(String(fields[name]));
    switch (call) {
      case "HcsCloseOperation":
        return [];
      case "HcsCreateOperation":
        return [{ call, hasCallback: fields["hasCallback"] === 1 }];
      case "HcsGetOperationResult":
        // That the end was asked for is success enough; its result may come after the end.
        return ending.has(fields["operation"] ?? null) ? [] : [{ call }];
      case "HcsGetOperationResultAndProcessInfo":
        return [{ call }];
      case "HcsCreateComputeSystem":
        return [
          { call: `${call}.args`, securityDescriptorIsNull: true },
          { call, document: json("configuration"), id: fields["id"] },
        ];
      case "HcsSetComputeSystemCallback":
      case "HcsSetProcessCallback":
        return [{ call, hasContext: fields["registered"] === 1, options: fields["options"] }];
      case "HcsCreateProcess":
        return [
          { call: `${call}.args`, securityDescriptorIsNull: true },
          { call, id: "c1", parameters: json("parameters") },
        ];
      case "HcsTerminateProcess":
        return [{ call, id: "c1", pid: "${PID:1}" }];
      case "HcsCloseProcess":
        return [{ call }];
      default:
        return [{ call, id: "c1" }];
    }
  });
}

/** Puts documents in the place of the names of their files. */
function withDocuments(trace: readonly Entry[], documents: Readonly<Record<string, unknown>>): Entry[] {
  return trace.map((entry) => {
    const { $file } = (entry["document"] ?? {}) as { $file?: string };
    return $file === undefined ? entry : { ...entry, document: documents[$file] };
  });
}

describe("golden operations", () => {
  const systems = new Win32ComputeSystems("computecore");
  afterEach(assertClean);

  it("ops-argon", async () => {
    await ask("useScripted", { platform: PLATFORM, files: [] });
    await ask("recordCalls");
    const wanted = expected(withDocuments(lifeTrace, { "container-c1.json": lifeDocument }));
    const creation = wanted.find(({ call }) => call === "HcsCreateProcess");

    const system = await systems.create("c1", lifeDocument as ComputeSystemDocument);
    await system.start();
    const process = await system.createProcess(creation?.["parameters"] as ProcessParameters);
    await process.terminate();
    await process.exited;
    await process.close();
    await system.shutdown();
    await system.exited;
    await system.close();
    process.stdio.stdout?.destroy();

    await assertClean();
    assert.deepEqual(got(await ask("takeCalls")), wanted);
  });

  it("ops-failures", async () => {
    const { fail } = failuresOptions.platform;
    await ask("useScripted", { platform: { ...PLATFORM, fail: [] }, files: [] });
    for (const { call, hresult } of fail)
      await ask("addFault", { function: call, action: "refuse", hresult, times: 1 });
    await ask("recordCalls");

    await assert.rejects(systems.create("c1", refusedDocument as ComputeSystemDocument));
    const system = await systems.create("c1", startedDocument as ComputeSystemDocument);
    await assert.rejects(system.start());
    await system.shutdown();
    await system.exited;
    await system.close();

    await assertClean();
    const documents = { "container-c1.json": refusedDocument, "container-c1-2.json": startedDocument };
    assert.deepEqual(got(await ask("takeCalls")), expected(withDocuments(failuresTrace, documents)));
  });
});
