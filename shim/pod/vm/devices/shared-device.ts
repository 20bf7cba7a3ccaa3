/**
 * A device of a VM that several containers may use: reserved without I/O, brought up by the first who acquires it and
 * taken down when the last one has released it.
 *
 * Its states are a ladder, given as data ({@link Rung}): acquiring climbs it, releasing descends it in reverse. A
 * step that fails leaves the device on the rung it had reached, so that a later call goes on from there.
 */
import { messageOf, ShimError } from "../../../errors.ts";
import { Serial } from "../../../task/serial.ts";

/** A state of a device, and how it is entered from below and left downwards. A failed step must change nothing. */
export interface Rung {
  readonly state: string;
  readonly up?: (signal: AbortSignal) => Promise<void>;
  readonly down?: (signal: AbortSignal) => Promise<void>;
}

/**
 * One user's part in a device.
 *
 * ```
 * reserved ──acquire──► held ──release──► releasing ──► released
 *    └────────────── release / failed acquire ──────────────┘
 * ```
 */
export type ReservationState = "reserved" | "held" | "releasing" | "released";

export interface Reservation {
  readonly state: ReservationState;
  /** Brings the device up, unless it is. On failure the reservation is released. Once. */
  acquire(signal: AbortSignal): Promise<void>;
  /** Idempotent; after a failure it may be called again. */
  release(signal: AbortSignal): Promise<void>;
}

/** Level of a device that is no more. */
const FREE = -1;

export class SharedDevice {
  readonly name: string;
  readonly #rungs: readonly Rung[];
  readonly #onFree: () => void;
  readonly #serial = new Serial();
  #level = 0;
  #users = 0;

  /**
   * @param rungs the first one is the state of a device that is merely reserved: leaving it frees what it reserved
   * @param onFree called when the last user is about to leave the first rung; from then on nobody may reserve it
   */
  constructor(name: string, rungs: readonly Rung[], onFree: () => void) {
    this.name = name;
    this.#rungs = rungs;
    this.#onFree = onFree;
  }

  get users(): number {
    return this.#users;
  }

  get state(): string {
    return this.#rungs[this.#level]?.state ?? "free";
  }

  /** Adds a user. No I/O: whoever reserves must acquire or release. */
  reserve(): Reservation {
    if (this.#level === FREE) throw new TypeError(`cannot reserve ${this.name}: it is free`);
    this.#users++;
    return new UserReservation(this.name, {
      up: (signal) => this.#serial.run(() => this.#climb(signal)),
      leave: () => void this.#users--,
      down: (signal) => this.#serial.run(() => this.#descend(signal)),
    });
  }

  async #climb(signal: AbortSignal): Promise<void> {
    while (this.#level < this.#rungs.length - 1) {
      // Its caller may have given up while others had their turn.
      signal.throwIfAborted();
      await this.#rungs[this.#level + 1]?.up?.(signal);
      this.#level++;
    }
  }

  /** Stops where it is when somebody reserves the device meanwhile. */
  async #descend(signal: AbortSignal): Promise<void> {
    while (this.#users === 0 && this.#level > FREE) {
      if (this.#level === 0) this.#onFree();
      await this.#rungs[this.#level]?.down?.(signal);
      this.#level--;
    }
  }
}

interface UserPart {
  up(signal: AbortSignal): Promise<void>;
  leave(): void;
  down(signal: AbortSignal): Promise<void>;
}

class UserReservation implements Reservation {
  readonly #name: string;
  readonly #part: UserPart;
  #state: ReservationState = "reserved";

  constructor(name: string, part: UserPart) {
    this.#name = name;
    this.#part = part;
  }

  get state(): ReservationState {
    return this.#state;
  }

  async acquire(signal: AbortSignal): Promise<void> {
    if (this.#state !== "reserved")
      throw new TypeError(`cannot acquire ${this.#name}: the reservation is ${this.#state}`);
    this.#state = "held";
    try {
      await this.#part.up(signal);
    } catch (error) {
      await this.#undo(error, signal);
      throw error;
    }
  }

  async release(signal: AbortSignal): Promise<void> {
    if (this.#state === "released") return;
    if (this.#state !== "releasing") this.#part.leave();
    this.#state = "releasing";
    await this.#part.down(signal);
    this.#state = "released";
  }

  /** What cannot be undone stays on its rung: the next user of the device goes on from there. */
  async #undo(cause: unknown, signal: AbortSignal): Promise<void> {
    try {
      await this.release(signal);
    } catch (error) {
      throw new ShimError("RELEASE_FAILED", `${messageOf(cause)}; and then: ${messageOf(error)}`, { cause });
    }
  }
}
