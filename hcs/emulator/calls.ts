/** The one place through which every operation of the emulator goes: abort signals, scripted faults, error kinds, events. */
import { channel } from "node:diagnostics_channel";
import { platformError } from "./errors.ts";
import type { FaultOperation, FaultScript } from "./faults.ts";

/** What {@link EMULATOR_CALLS} carries, one per finished call. */
export interface EmulatorCall {
  readonly operation: FaultOperation;
  readonly target: string;
  readonly ms: number;
  /** Absent for a call that succeeded. */
  readonly error?: unknown;
}

/** Name of the diagnostics channel on which finished calls are published. */
export const EMULATOR_CALLS = "runhcs:hcs.emulator.call";

/** What scripted faults can do to a VM from outside. */
export interface FaultTargets {
  /** Kills the VM with this runtime id as by a fault of its own; without an id every VM. */
  crash(runtimeId: string | undefined): void;
  /** Resets the accepted connections to this service. */
  disconnect(runtimeId: string | undefined, serviceId: string): void;
}

export interface Call {
  /** As it reads after "cannot". */
  readonly phrase: string;
  readonly target: string;
  /** Of the VM that the call concerns. */
  readonly runtimeId?: string;
  readonly signal?: AbortSignal;
}

export class Calls {
  readonly #faults: FaultScript;
  readonly #targets: FaultTargets;
  readonly #finished = channel(EMULATOR_CALLS);

  constructor(faults: FaultScript, targets: FaultTargets) {
    this.#faults = faults;
    this.#targets = targets;
  }

  /**
   * Runs `body` as operation `operation`. The body itself heeds the signal where it waits, so that a call which rejects
   * has undone what it did.
   *
   * @throws {HcsError} or the reason of the call's signal
   */
  async run<T>(operation: FaultOperation, call: Call, body: () => T | Promise<T>): Promise<T> {
    const start = performance.now();
    const { signal, target, phrase } = call;
    try {
      signal?.throwIfAborted();
      await this.fault(operation, call);
      const result = await body();
      this.#publish({ operation, target, ms: performance.now() - start });
      return result;
    } catch (caught) {
      const error = platformError(phrase, target, caught, signal);
      this.#publish({ operation, target, ms: performance.now() - start, error });
      throw error;
    }
  }

  /** Applies the scripted faults of a step inside an operation. */
  async fault(operation: FaultOperation, call: Omit<Call, "phrase">): Promise<void> {
    await this.#faults.before(operation, {
      target: call.target,
      signal: call.signal,
      crash: () => this.#targets.crash(call.runtimeId),
      disconnect: (serviceId) => this.#targets.disconnect(call.runtimeId, serviceId),
    });
    call.signal?.throwIfAborted();
  }

  /** True when the exit of system `id` is not to be told to anybody. */
  withholdsExit(id: string): boolean {
    return this.#faults.withholdsExit(id);
  }

  #publish(call: EmulatorCall): void {
    if (this.#finished.hasSubscribers) this.#finished.publish(call);
  }
}
