/**
 * The order of a replay. What the host does may come in any order; what the platform does comes in the order of the
 * recording, each thing after everything the host had done before it then.
 */
import { isByHost, type TraceLine } from "./format.ts";

export class Script {
  readonly lines: readonly TraceLine[];
  readonly #play: (line: TraceLine) => void;
  /** Indexes of what the host has done. */
  readonly #received = new Set<number>();
  /** Index of the first line that has not happened. */
  #at = 0;
  #isRunning = false;
  #isStopped = false;

  /** @param play does what the platform did */
  constructor(lines: readonly TraceLine[], play: (line: TraceLine) => void) {
    this.lines = lines;
    this.#play = play;
  }

  /** The host did what is at `index`. */
  receive(index: number): void {
    this.#received.add(index);
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    this.#advance();
  }

  /** Nothing is played any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** How many lines have happened: grows as long as there is progress. */
  get position(): number {
    return this.#at;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** What the host has still to do, in the order of the recording. */
  missing(): TraceLine[] {
    return this.lines.filter((line, index) => isByHost(line) && !this.#received.has(index));
  }

  #advance(): void {
    for (; !this.#isStopped; this.#at++) {
      const line = this.lines[this.#at];
      if (line === undefined || (isByHost(line) && !this.#received.has(this.#at))) break;
      if (isByHost(line)) continue;
      this.#at++;
      this.#play(line);
      // The host gets to work on it before the next thing happens, as it did when time passed in between.
      setImmediate(() => this.#advance());
      return;
    }
    this.#isRunning = false;
  }
}
