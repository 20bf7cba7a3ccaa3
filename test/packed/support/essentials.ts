/** What a recorded step has to lead to: what is waited for before the next begins. */
import type { Recorder, TraceEntry } from "../../../hcs/scripted/recorder.ts";
import { until } from "../../support/until.ts";

/** What a step waits for at most. */
const SETTLE_MS = 20_000;

/** Calls by which somebody only looks, or comes and goes. */
const PASSING = /^(?:Hcs(?:Open|Close|Get)\w+|GetLayerMountPath|GrantVmAccess|GCS\.GetProperties)$/;

export class Essentials {
  readonly #steps: readonly (readonly TraceEntry[])[];
  readonly #recorder: Recorder;
  readonly #look: () => Promise<void>;
  /** A step did not lead to what was recorded: nothing that follows is worth waiting for. */
  #hasStrayed = false;

  /** @param look has the recorder take note of what it is not told of */
  constructor(
    recorded: readonly TraceEntry[],
    recorder: Recorder,
    look: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.#steps = splitSteps(recorded);
    this.#recorder = recorder;
    this.#look = look;
  }

  /** Entries of a step, as they were recorded. */
  of(step: number): readonly TraceEntry[] {
    return this.#steps[step] ?? [];
  }

  /**
   * Waits until as much has happened as was recorded. What never comes shows in the comparison.
   *
   * @param from how many entries there were before the step
   */
  async settle(step: number, from: number): Promise<void> {
    const wanted = count(this.of(step));
    const hasHappened = async (): Promise<boolean> => {
      await this.#look();
      return count(this.#recorder.entries.slice(from)) >= wanted;
    };
    await until("what the step sets going", hasHappened, {
      timeoutMs: this.#hasStrayed ? 0 : SETTLE_MS,
    }).catch(() => (this.#hasStrayed = true));
  }
}

function count(entries: readonly TraceEntry[]): number {
  return entries
    .flatMap((entry) => (entry.call === "$unordered" ? (entry["entries"] as TraceEntry[]) : [entry]))
    .filter(({ call }) => !PASSING.test(call)).length;
}

function splitSteps(trace: readonly TraceEntry[]): TraceEntry[][] {
  const steps: TraceEntry[][] = [];
  for (const entry of trace) {
    if (entry.call === "Step") steps.push([]);
    else steps.at(-1)?.push(entry);
  }
  return steps;
}
