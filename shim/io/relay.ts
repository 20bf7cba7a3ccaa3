/**
 * Joins a process's stdio with the client's.
 *
 * While the process lives, what is under way to a slow reader is limited, and the limit reaches the process as
 * back-pressure. Once it is dead, or has been killed, the rest of its output (no more than kernel buffers hold) is taken
 * into memory instead, because a guest reports an exit only after the host has read the output to its end: a reader
 * that does not read must not hold back the exit of the task.
 */
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { HcsProcess } from "../../hcs/api.ts";
import { abortable, type Clock } from "../clock.ts";
import { Copy, type CopyReport } from "./copy.ts";
import { reportStdio, type StdioEvent, type StdioSubject } from "./diagnostics.ts";
import { StallWatch } from "./stall-watch.ts";
import type { UpstreamStdio } from "./upstream.ts";

/** What the relay needs of a process. The process itself stays its owner's, who closes it. */
export type RelayedProcess = Pick<HcsProcess, "stdio" | "closeStdin">;

export interface RelayOptions {
  readonly clock: Clock;
  /** Whose stdio it is, for reports. */
  readonly subject: StdioSubject;
  /** Asks the platform whether the process is still there. Only asked while nobody reads its output. */
  readonly isAlive: (signal: AbortSignal) => Promise<boolean>;
  readonly limits?: Partial<RelayLimits>;
}

/** In bytes, for each output. */
export interface RelayLimits {
  /** Under way to the reader while the process lives. */
  readonly inFlightBytes: number;
  /** Held for the reader once the process is dead or killed. */
  readonly retainedBytes: number;
}

// In flight: half of this is enough to keep both sides of a copy busy (smaller limits cost up to half the throughput).
// Retained: what is in flight, and all that pipes and sockets on the way can hold, several times over.
export const RELAY_LIMITS: RelayLimits = { inFlightBytes: 1 << 20, retainedBytes: 8 << 20 };

/** How far the outputs have come. */
export interface RelayProgress {
  /** Every output was read to its end, and delivered unless its reader is gone for good. */
  readonly complete: boolean;
  readonly stdout?: CopyReport;
  readonly stderr?: CopyReport;
}

type OutputName = "stdout" | "stderr";

/** The copies of one process. Owns the upstream stdio from its construction on. */
export class Relay {
  readonly #process: RelayedProcess;
  readonly #upstream: UpstreamStdio;
  readonly #options: RelayOptions;
  readonly #limits: RelayLimits;
  readonly #watch: StallWatch;
  readonly #outputs = new Map<OutputName, Copy>();
  readonly #settled: Promise<void>;
  readonly #over = new AbortController();
  #complete = false;
  #processEnded = false;
  #closing: Promise<void> | undefined;

  /** Starts copying at once. */
  constructor(process: RelayedProcess, upstream: UpstreamStdio, options: RelayOptions) {
    this.#process = process;
    this.#upstream = upstream;
    this.#options = options;
    this.#limits = { ...RELAY_LIMITS, ...options.limits };
    this.#watch = new StallWatch({
      clock: options.clock,
      isAlive: options.isAlive,
      onDead: () => this.lift(),
      onStall: (ms) => this.#report({ event: "reader-stalled", ms }),
      onError: (error) => this.#report({ event: "probe-failed", error }),
    });
    this.#startInput();
    const { stdout, stderr } = process.stdio;
    this.#settled = Promise.all([
      this.#startOutput("stdout", stdout, upstream.stdout),
      this.#startOutput("stderr", stderr, upstream.stderr),
    ]).then(() => {
      this.#complete = true;
    });
  }

  /** How far the outputs have come by now. */
  get progress(): RelayProgress {
    const stdout = this.#outputs.get("stdout")?.report;
    const stderr = this.#outputs.get("stderr")?.report;
    return {
      complete: this.#complete,
      ...(stdout === undefined ? {} : { stdout }),
      ...(stderr === undefined ? {} : { stderr }),
    };
  }

  /** CloseIO: the process reads end of file once the client has closed its end, too. */
  closeStdin(): void {
    this.#upstream.closeStdin();
  }

  /**
   * The process has been killed, its exit is awaited: its output is now read to the end whatever the reader does.
   * Beyond the limit of what is held for the reader it is thrown away, and that is reported. Idempotent.
   */
  lift(): void {
    this.#watch.stop();
    // An exit that is known already needs no end of file; then losing nothing comes first.
    if (!this.#processEnded) this.#limitOutputs("discard");
  }

  /** The process has exited. Input stops; output goes on to its end, held for the reader up to the limit. Idempotent. */
  processEnded(): void {
    if (this.#processEnded) return;
    this.#processEnded = true;
    this.#watch.stop();
    this.#upstream.stdin?.destroy();
    this.#limitOutputs("wait");
  }

  /**
   * Resolves when all output has been delivered, or when `signal`, the budget for that, fires. Delivery goes on in the
   * background until {@link close}, so that a reader who comes back finds the rest. Never rejects: {@link progress}
   * tells which it was.
   */
  async drained(signal: AbortSignal): Promise<void> {
    await abortable(this.#settled, signal).catch(() => undefined);
  }

  /**
   * Ends delivery and closes the upstream stdio; what has not been delivered is lost. What the process still writes is
   * read and thrown away, until its streams end or their owner closes them. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watch.stop();
    this.#over.abort(new Error("stdio relay is over"));
    await this.#upstream.close();
  }

  #startInput(): void {
    const source = this.#upstream.stdin;
    const sink = this.#process.stdio.stdin;
    if (source === undefined || sink === undefined) return;
    const copy = new Copy(source, sink, {
      limitBytes: this.#limits.inFlightBytes,
      onSinkFailure: "stop",
      sinkFailed: (error) => {
        if (!this.#processEnded && error !== undefined)
          this.#report({ event: "stdin-lost", stream: "stdin", error });
      },
    });
    void copy.done.then(async () => {
      if (this.#processEnded || this.#over.signal.aborted) return;
      try {
        await this.#process.closeStdin({ signal: this.#over.signal });
      } catch (error) {
        // A process that has exited meanwhile has no stdin to close. Nothing about input ever ends a task.
        if (this.#processEnded || this.#over.signal.aborted) return;
        this.#report({ event: "stdin-lost", stream: "stdin", error });
      }
    });
  }

  /** @returns a promise of the end of file having been passed on */
  async #startOutput(
    name: OutputName,
    source: Readable | undefined,
    sink: Writable | undefined,
  ): Promise<void> {
    if (source === undefined) {
      await this.#endSink(name, sink);
      return;
    }
    const key = {};
    const copy = new Copy(source, sink, {
      limitBytes: this.#limits.inFlightBytes,
      onSinkFailure: "discard",
      sinkFailed: (error) => this.#upstreamLost(name, error),
      stalled: () => this.#watch.stalled(key),
      moved: () => this.#watch.moved(),
      resumed: () => this.#watch.resumed(key),
    });
    this.#outputs.set(name, copy);
    await copy.done;
    const { sourceError } = copy.report;
    if (sourceError !== undefined)
      this.#report({ event: "process-side-lost", stream: name, error: sourceError });
    await this.#endSink(name, sink);
    this.#reportDiscarded(name, copy.report.discardedBytes, sink);
  }

  /** Passes end of file on. */
  async #endSink(name: OutputName, sink: Writable | undefined): Promise<void> {
    if (sink === undefined || sink.destroyed) return;
    try {
      sink.end();
      await finished(sink, { readable: false });
    } catch (error) {
      this.#upstreamLost(name, error);
    }
  }

  #limitOutputs(excess: "wait" | "discard"): void {
    for (const copy of this.#outputs.values()) copy.limit(this.#limits.retainedBytes, excess);
  }

  #upstreamLost(name: OutputName, error: unknown): void {
    if (this.#closing === undefined) this.#report({ event: "upstream-lost", stream: name, error });
  }

  #reportDiscarded(name: OutputName, bytes: number, sink: Writable | undefined): void {
    if (bytes > 0 && sink !== undefined) this.#report({ event: "output-discarded", stream: name, bytes });
  }

  #report(event: Omit<StdioEvent, keyof StdioSubject>): void {
    reportStdio({ ...this.#options.subject, ...event });
  }
}
