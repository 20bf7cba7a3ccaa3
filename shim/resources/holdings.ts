/**
 * What a task holds, in memory: each thing with the way to release it, in the order of acquisition, journaled.
 */
import { asError, messageOf, ShimError } from "../errors.ts";
import type { Holding, Journal } from "./journal.ts";

/** Where a thing lives: what is inside a VM needs no release once the VM is gone. */
export type Residence = "host" | "vm";

interface Held {
  readonly holding: Holding;
  readonly residence: Residence;
  readonly release: (signal: AbortSignal) => Promise<void>;
}

const RESIDENCE: Readonly<Record<Holding["kind"], Residence>> = {
  mount: "host",
  file: "host",
  vm: "host",
  share: "vm",
  layers: "vm",
  nic: "vm",
  "own-namespace": "host",
  namespace: "vm",
  disk: "vm",
  "combined-layers": "vm",
  pipe: "vm",
  device: "vm",
  address: "host",
  system: "host",
  layer: "host",
  cim: "host",
  overlay: "host",
  "credential-guard": "host",
  job: "host",
  "mount-point": "host",
  account: "host",
};

export class Holdings {
  readonly #journal: Journal;
  #held: Held[] = [];
  #ended = false;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /**
   * Acquires a thing: journal first, then the act. `acquire` must leave nothing behind when it fails.
   *
   * @param release called at most once with success; may be called again after it failed
   */
  async acquire<T>(
    holding: Holding,
    acquire: () => Promise<T>,
    release: (signal: AbortSignal, value: T) => Promise<void>,
  ): Promise<T> {
    this.#journal.hold(holding);
    let value: T;
    try {
      value = await acquire();
    } catch (error) {
      this.#journal.strike(holding.key);
      throw error;
    }
    this.#held.push({
      holding,
      residence: RESIDENCE[holding.kind],
      release: (budget) => release(budget, value),
    });
    if (this.#ended) {
      // It came too late: whoever asked has given up, and everything else was released meanwhile.
      await this.release(new AbortController().signal, ({ key }) => key === holding.key);
      throw new ShimError("WRONG_STATE", `cannot keep ${holding.kind} ${holding.key}: its task was given up`);
    }
    return value;
  }

  /** Releases everything, and from now on whatever a straggler still acquires. */
  async end(signal: AbortSignal): Promise<void> {
    this.#ended = true;
    await this.release(signal);
  }

  /** What is held, oldest first. */
  list(): readonly Holding[] {
    return this.#held.map(({ holding }) => holding);
  }

  /**
   * Releases things in reverse order, going on after failures. What could not be released stays held.
   *
   * @param which only these; all by default
   * @throws {ShimError} RELEASE_FAILED naming everything that is still held
   */
  async release(signal: AbortSignal, which: (holding: Holding) => boolean = () => true): Promise<void> {
    const failures: { readonly held: Held; readonly error: unknown }[] = [];
    for (const held of this.#held.filter(({ holding }) => which(holding)).reverse()) {
      try {
        await held.release(signal);
        this.#strike(held);
      } catch (error) {
        failures.push({ held, error });
      }
    }
    if (failures.length === 0) return;
    const what = failures.map(
      ({ held, error }) => `${held.holding.kind} ${held.holding.key}: ${messageOf(error)}`,
    );
    throw new ShimError("RELEASE_FAILED", `cannot release ${what.join("; ")}`, {
      cause: new AggregateError(failures.map(({ error }) => asError(error))),
    });
  }

  /** Strikes what lived in a VM that is gone. */
  forgetVm(): void {
    for (const held of this.#held.filter(({ residence }) => residence === "vm")) this.#strike(held);
  }

  #strike(held: Held): void {
    this.#held = this.#held.filter((other) => other !== held);
    this.#journal.strike(held.holding.key);
  }
}
