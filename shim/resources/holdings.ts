/**
 * What a task holds, in memory: each thing with the way to release it, in the order of acquisition, journaled.
 */
import { asError, messageOf, ShimError } from "../errors.ts";
import type { Holding, Journal } from "./journal.ts";
import { reclaim, type Reclaimers } from "./reclaim.ts";

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
  /** What an earlier process holds, as its journal has it, until it is acquired here; undefined when all is. */
  #inherited: Map<string, Holding> | undefined;
  #held: Held[] = [];
  #ended = false;

  /** @param inherited what an earlier process has acquired, which now counts as acquired by whoever asks for it */
  constructor(journal: Journal, inherited?: readonly Holding[]) {
    this.#journal = journal;
    if (inherited !== undefined)
      this.#inherited = new Map(inherited.map((holding) => [holding.key, holding]));
  }

  /** What an earlier process has acquired and nobody has asked for yet. */
  get inherited(): readonly Holding[] {
    return [...(this.#inherited?.values() ?? [])];
  }

  /**
   * Releases from outside what an earlier process has acquired and nobody here has asked for.
   *
   * @throws {ShimError} RELEASE_FAILED naming what is still held
   */
  async reclaimInherited(reclaimers: Reclaimers): Promise<void> {
    const { released, failed } = await reclaim(this.inherited, reclaimers);
    for (const { key } of released) {
      this.#inherited?.delete(key);
      this.#journal.strike(key);
    }
    if (failed.length === 0) return;
    const what = failed.map(({ holding, message }) => `${holding.kind} ${holding.key}: ${message}`);
    throw new ShimError("RELEASE_FAILED", `cannot release ${what.join("; ")}`);
  }

  /** Everything that an earlier process held has been asked for, or is given up: from now on things are acquired. */
  endInheritance(): void {
    this.#inherited = undefined;
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
    if (this.#inherited !== undefined) return this.#inherit(this.#inherited, holding, acquire, release);
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

  /**
   * What is in a VM is acquired once more, for the sake of what remembers it: the VM is told nothing meanwhile. What is on
   * the host is there.
   */
  async #inherit<T>(
    inherited: Map<string, Holding>,
    holding: Holding,
    acquire: () => Promise<T>,
    release: (signal: AbortSignal, value: T) => Promise<void>,
  ): Promise<T> {
    const residence = RESIDENCE[holding.kind];
    if (!inherited.delete(holding.key))
      throw new ShimError("WRONG_STATE", `cannot take ${holding.key} over: no journal has it`);
    const value = residence === "vm" || holding.kind === "vm" ? await acquire() : (undefined as unknown as T);
    this.#held.push({ holding, residence, release: (budget) => release(budget, value) });
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
