/** A process in a container: its pid, its streams, its end. */
import { GuestError, RESULT } from "./errors.ts";
import type { GuestStdio } from "./stdio.ts";

export interface GuestProcessInit {
  readonly pid: number;
  /** Exit status, or 128 + signal, as soon as the process has been collected. */
  readonly exited: Promise<number>;
  readonly stdio: GuestStdio;
  /** Runs between the exit and the end of the output. */
  readonly afterExit?: () => Promise<void>;
}

export class GuestProcess {
  readonly pid: number;
  readonly stdio: GuestStdio;
  /** The exit status, once the process has exited and its output has reached the host. Never rejects. */
  readonly finished: Promise<number>;
  /** The exit status as soon as it is known, whoever still writes or reads the output. Never rejects. */
  readonly ended: Promise<number>;
  #status: number | undefined;

  constructor(init: GuestProcessInit) {
    this.pid = init.pid;
    this.stdio = init.stdio;
    this.ended = init.exited;
    this.finished = this.#follow(init);
  }

  async #follow({ exited, stdio, afterExit }: GuestProcessInit): Promise<number> {
    const status = await exited;
    this.#status = status;
    await afterExit?.();
    await stdio.finish();
    return status;
  }

  /** The exit status; undefined while the process lives. */
  get status(): number | undefined {
    return this.#status;
  }

  /** kill(2). Its pid cannot have been given to another process: it is free only once the status is known. */
  signal(signal: number): void {
    if (this.#status !== undefined) {
      throw new GuestError(RESULT.elementNotFound, `process ${this.pid} has exited`);
    }
    process.kill(this.pid, signal);
  }
}
