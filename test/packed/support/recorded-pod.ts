/** Leads a recorded pod by the packed executable: `start` in each bundle, the recorded calls on the pipe that it printed, the end. */
import { isDeepStrictEqual } from "node:util";
import type { DeleteResponse } from "../../../protos/gen/task-v2.ts";
import { knownTypes } from "../../../protos/known-types.ts";
import type { Recorder, TraceEntry } from "../../../hcs/scripted/recorder.ts";
import { readCaseText, readExpected, type GoldenCase, type Step } from "../../golden/runner/case.ts";
import { eventEntry } from "../../golden/runner/replies.ts";
import { taskCall } from "../../golden/runner/requests.ts";
import type { StepResult } from "../../golden/runner/shim-run.ts";
import type { StepOutcome } from "../../golden/runner/task-service-handlers.ts";
import { addressOf, Containerd, type ContainerdOptions } from "./containerd.ts";
import { Essentials } from "./essentials.ts";
import type { WindowsMachine } from "./machine.ts";

/** What a call is told whose connection ends before it is answered. */
const CLOSED: ReadonlySet<string> = new Set(["Unavailable", "Canceled"]);

export class RecordedPod implements AsyncDisposable {
  readonly results: StepResult[] = [];
  readonly #golden: GoldenCase;
  readonly #machine: WindowsMachine;
  readonly #recorder: Recorder;
  readonly #containerd: Containerd;

  private constructor(
    golden: GoldenCase,
    machine: WindowsMachine,
    recorder: Recorder,
    containerd: Containerd,
  ) {
    this.#golden = golden;
    this.#machine = machine;
    this.#recorder = recorder;
    this.#containerd = containerd;
  }

  /** @param recorder of the machine that answers */
  static async open(
    golden: GoldenCase,
    machine: WindowsMachine,
    recorder: Recorder,
    options: ContainerdOptions,
  ): Promise<RecordedPod> {
    for (const { path, dir = false, size = 0, content } of golden.options.files ?? []) {
      if (dir) machine.makeDirectory(path);
      else machine.write(path, content ?? Buffer.alloc(size));
    }
    const containerd = await Containerd.serve(
      machine,
      ({ event }) => {
        const type = knownTypes.lookup(event?.typeUrl ?? "");
        if (type !== undefined && event !== undefined)
          recorder.note(eventEntry(type.typeName, type.decode(event.value) as object));
      },
      options,
    );
    return new RecordedPod(golden, machine, recorder, containerd);
  }

  /** Every task, in the order in which they are created. */
  get ids(): string[] {
    return this.#steps.filter(({ op }) => op === "create").map(({ id = "" }) => id);
  }

  /** What the machine was asked so far, and the events. */
  get trace(): TraceEntry[] {
    return this.#recorder.entries.filter((entry, index, all) => !isAskedAgain(entry, all[index - 1]));
  }

  /** Runs all recorded steps. */
  async lead(): Promise<void> {
    const recorded = (readExpected(this.#golden, "trace.json") ?? []) as TraceEntry[];
    const essentials = new Essentials(recorded, this.#recorder, () => this.#machine.host.followHvSockets());
    for (const [index, step] of this.#steps.entries()) {
      const { op, id = "", execId } = step;
      const named = { op, id, ...(execId === undefined ? {} : { execId }) };
      await this.#serveStdio(step);
      if (op === "create") {
        this.#containerd.makeBundle(id, readCaseText(this.#golden, String(step["spec"])));
        await this.#containerd.start(id);
      }
      this.#recorder.note({ call: "Step", ...named });
      const from = this.#recorder.entries.length;
      this.results.push({ ...named, ...(await this.#act(step)) });
      await essentials.settle(index, from);
    }
  }

  /** Shutdown for each task; the shim ends with the last. */
  async shutDown(): Promise<void> {
    for (const id of this.ids.reverse()) {
      const { error } = await this.#containerd.call(this.#address, "Shutdown", { id });
      // The answer to the last races with the end of the shim.
      if (error !== undefined && !CLOSED.has(error.code))
        throw new Error(`cannot shut down "${id}": ${error.message}`);
    }
    await this.#containerd.untilGone(this.#address);
  }

  /** The shim ends in the middle of everything. */
  async killShim(): Promise<void> {
    await this.#containerd.kill(this.ids[0] ?? "");
    await this.#containerd.untilGone(this.#address);
  }

  /** `delete` of a task, and what it had the machine do but closing handles, which those of a killed shim are at any time. */
  async delete(id: string): Promise<{ readonly response: DeleteResponse; readonly calls: string[] }> {
    const from = this.#recorder.entries.length;
    const response = await this.#containerd.delete(id);
    const calls = this.#recorder.entries.slice(from).map(({ call }) => call);
    return { response, calls: calls.filter((call) => call !== "HcsCloseComputeSystem") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#containerd[Symbol.asyncDispose]();
  }

  get #steps(): readonly Step[] {
    return this.#golden.options.steps ?? [];
  }

  get #address(): string {
    return addressOf(this.#golden.options.tid ?? this.ids[0] ?? "");
  }

  /** Output is read and forgotten; on input nothing comes. */
  async #serveStdio(step: Step): Promise<void> {
    for (const name of ["stdin", "stdout", "stderr"]) {
      const path = step[name];
      if (typeof path === "string") await this.#machine.relay.serve(path, (stream) => stream.resume());
    }
  }

  #act(step: Step): Promise<StepOutcome> {
    // What it was for is waited for where it shows.
    if (step.op === "sleep") return Promise.resolve({ ok: true });
    const call = taskCall(step);
    if (call === undefined)
      throw new Error(`the case has a step "${step.op}", which this runner does not know`);
    return this.#containerd.call(this.#address, call.method, call.request);
  }
}

/** The DLL is asked how long the path is, and then for the path. */
function isAskedAgain(entry: TraceEntry, previous: TraceEntry | undefined): boolean {
  return entry.call === "GetLayerMountPath" && isDeepStrictEqual(entry, previous);
}
