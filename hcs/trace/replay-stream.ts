/** A byte stream out of a recording: sends what the platform sent, and compares what the host writes. */
import { Duplex } from "node:stream";
import { describeLine } from "./deviation.ts";
import type { DataLine, DestroyLine, EndLine } from "./format.ts";
import type { GuidBindings } from "./guids.ts";
import { decodeBytes } from "./values.ts";

/** Something the host did with the stream, and where in the recording. */
export interface HostStep {
  readonly index: number;
  readonly line: DataLine | EndLine | DestroyLine;
}

export interface ReplayStreamInit {
  readonly id: string;
  /** In order. */
  readonly steps: readonly HostStep[];
  readonly guids: GuidBindings;
  readonly receive: (index: number) => void;
  readonly deviate: (message: string) => Error;
}

export class ReplayStream extends Duplex {
  readonly #init: ReplayStreamInit;
  readonly #steps: HostStep[];
  /** What the host has written of the step that comes next. */
  #written: Buffer = Buffer.alloc(0);

  constructor(init: ReplayStreamInit) {
    super({ allowHalfOpen: true });
    this.#init = init;
    this.#steps = [...init.steps];
  }

  /** Does what the platform did. */
  play(line: DataLine | EndLine | DestroyLine, error: Error | undefined): void {
    if (this.destroyed) return;
    if (line.kind === "destroy") this.destroy(error);
    else if (line.kind === "end") this.push(null);
    else this.push(this.#init.guids.translateBytes(decodeBytes(line) as Buffer));
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#written = Buffer.concat([this.#written, chunk]);
    done(this.#compare());
  }

  override _final(done: (error?: Error | null) => void): void {
    const step = this.#steps[0];
    if (step?.line.kind === "data") return done(this.#deviate("the host ends its direction"));
    if (step?.line.kind === "end") this.#pass();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // With the stream everything goes that was still to be done with it.
    while (this.#steps.length > 0) this.#pass();
    done(error);
  }

  #compare(): Error | undefined {
    while (this.#written.length > 0) {
      const line = this.#steps[0]?.line;
      if (line?.kind !== "data") return this.#deviate(`the host writes ${this.#written.length} bytes more`);
      const recorded = decodeBytes(line);
      const length = typeof recorded === "number" ? recorded : recorded.length;
      if (this.#written.length < length) return undefined;
      const now = this.#written.subarray(0, length);
      if (typeof recorded !== "number" && this.#differ(recorded, now))
        return this.#deviate(`the host writes ${JSON.stringify(now.toString("utf8"))}`);
      this.#written = this.#written.subarray(length);
      this.#pass();
    }
    return undefined;
  }

  #differ(recorded: Buffer, now: Buffer): boolean {
    if (recorded.equals(now)) return false;
    return this.#init.guids.difference(recorded.toString("latin1"), now.toString("latin1")) !== undefined;
  }

  #pass(): void {
    const step = this.#steps.shift();
    if (step !== undefined) this.#init.receive(step.index);
  }

  #deviate(came: string): Error {
    const step = this.#steps[0];
    const expected = step === undefined ? "nothing more" : describeLine(step.line);
    return this.#init.deviate(`${this.#init.id}: expected ${expected}; came: ${came}`);
  }
}
