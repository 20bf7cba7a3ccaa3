/**
 * The write end of a FIFO whose reader comes and goes.
 *
 * End of file is for a reader that is there. To one that is away (containerd restarts, or has not come yet) closing the
 * last descriptor would mean that what is in the pipe vanishes, and that its next open for reading, which waits for a
 * writer, never returns. So an output that ends while nobody reads keeps its write side open until somebody does.
 */
import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import type { Clock } from "../clock.ts";

const WRITE = constants.O_WRONLY | constants.O_NONBLOCK;

/** Milliseconds between looks for a reader after the end: the first, how they grow, their limit. */
export const READER_POLL = { firstMs: 50, factor: 1.5, maxMs: 2_000 } as const;

export class FifoWriter extends Socket {
  readonly #clock: Clock;
  /** The read side, held open so that an absent reader is back-pressure instead of EPIPE. */
  #keeper: number | undefined;
  /** The write side, after the end and until a reader comes. */
  #lingering: number | undefined;
  #cancelPoll: (() => void) | undefined;

  /**
   * @param fd the write end, non-blocking
   * @param keeper a read end of the same FIFO
   */
  constructor(fd: number, keeper: number, clock: Clock) {
    super({ fd, readable: false, writable: true });
    this.#keeper = keeper;
    this.#clock = clock;
  }

  /** Closes everything, whether somebody reads or not. Idempotent. */
  release(): void {
    this.destroy();
    this.#cancelPoll?.();
    this.#keeper = closed(this.#keeper);
    this.#lingering = closed(this.#lingering);
  }

  /** Everything is in the pipe. A shutdown, which a socket does here, means nothing to a FIFO. */
  override _final(callback: () => void): void {
    if (this.#keeper !== undefined) this.#linger(this.#keeper);
    callback();
  }

  #linger(keeper: number): void {
    try {
      this.#lingering = reopen(keeper);
    } catch {
      // Out of descriptors: the keeper goes on holding what is in the pipe, and a reader that is there gets its end.
      return;
    }
    // From here on only the client can be a reader.
    this.#keeper = closed(keeper);
    this.#lookForReader(READER_POLL.firstMs);
  }

  #lookForReader(nextMs: number): void {
    if (this.#lingering === undefined) return;
    if (hasReader(this.#lingering)) {
      this.#lingering = closed(this.#lingering);
      return;
    }
    this.#cancelPoll = this.#clock.setTimeout(
      () => this.#lookForReader(Math.min(nextMs * READER_POLL.factor, READER_POLL.maxMs)),
      nextMs,
    );
  }
}

/** Another write end of the FIFO behind `fd`. By way of /proc, since the client may have removed its name. */
function reopen(fd: number): number {
  return openSync(`/proc/self/fd/${fd}`, WRITE);
}

/**
 * Whether somebody reads: opening for writing without waiting fails with ENXIO exactly when nobody does (fifo(7)).
 * Any other failure (descriptors have run out) says nothing; asking again later will.
 */
function hasReader(fd: number): boolean {
  try {
    closeSync(reopen(fd));
    return true;
  } catch {
    return false;
  }
}

/** Closes a descriptor, which never waits on a FIFO. */
function closed(fd: number | undefined): undefined {
  if (fd !== undefined) closeSync(fd);
}
