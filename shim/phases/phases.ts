/** Runs work as a named phase: within its budget, measured, and with an error that says what ran out. */
import { channel } from "node:diagnostics_channel";
import { abortable, startDeadline, type Clock } from "../clock.ts";
import { messageOf, ShimError } from "../errors.ts";
import type { PhaseName } from "./table.ts";
import type { Timeline } from "./timeline.ts";

/** What the phases of one call belong to. */
export interface PhaseSubject {
  readonly verb: string;
  readonly task: string;
  readonly exec?: string;
}

/** Publishes a {@link TimelineEntry} for each finished phase. */
export const PHASE_CHANNEL = "runhcs.phase";

const phaseChannel = channel(PHASE_CHANNEL);

/** Stands around the work of every phase: may run it, fail instead, or take its time. For scripted faults. */
export type AroundPhase = <T>(step: PhaseStep, work: (signal: AbortSignal) => Promise<T>) => Promise<T>;

export interface PhaseStep extends PhaseSubject {
  readonly phase: PhaseName;
  /** Fires when the budget is used up. */
  readonly signal: AbortSignal;
}

export interface PhaseEnvironment {
  readonly clock: Clock;
  readonly timeline: Timeline;
  readonly budgetMs: (phase: PhaseName) => number;
  readonly around?: AroundPhase | undefined;
}

export class Phases {
  readonly #environment: PhaseEnvironment;
  readonly #subject: PhaseSubject;
  readonly #signal: AbortSignal | undefined;

  /** @param signal the caller's own limit, where it has one */
  constructor(environment: PhaseEnvironment, subject: PhaseSubject, signal?: AbortSignal) {
    this.#environment = environment;
    this.#subject = subject;
    this.#signal = signal;
  }

  /**
   * Runs `work` as `phase`. The signal it is given fires when the budget is used up.
   *
   * @throws {ShimError} BUDGET_EXCEEDED, at the latest when the budget is used up, even when the work does not heed
   * its signal
   */
  async run<T>(phase: PhaseName, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#environment;
    const { verb, task, exec } = this.#subject;
    const budget = this.#environment.budgetMs(phase);
    const what = exec === undefined ? `${verb} "${task}"` : `${verb} "${exec}" in "${task}"`;
    using deadline = startDeadline(clock, budget, phase, this.#signal);
    const startedAt = clock.now();
    const started = clock.monotonic();
    let failure: string | undefined;
    const { signal } = deadline;
    const begun = { startedAt, task, ...(exec === undefined ? {} : { exec }), verb, phase };
    this.#environment.timeline.begin(begun);
    const { around } = this.#environment;
    try {
      const result = around === undefined ? work(signal) : around({ ...this.#subject, phase, signal }, work);
      return await abortable(result, signal);
    } catch (error) {
      failure = messageOf(error);
      if (!deadline.signal.aborted || this.#signal?.aborted === true) throw error;
      throw new ShimError(
        "BUDGET_EXCEEDED",
        `cannot ${what}: phase ${phase} used up its budget of ${budget} ms`,
        {
          cause: error,
        },
      );
    } finally {
      // The copy last: what is added to a copy gives each object a hidden class of its own, which takes more than the object.
      const entry = {
        durationMs: clock.monotonic() - started,
        ...(failure === undefined ? {} : { failure }),
        ...begun,
      };
      this.#environment.timeline.end(begun, entry);
      phaseChannel.publish(entry);
    }
  }
}
