/** Copies the host's input to a process: from one connection to a pipe or a terminal. */
import type { Socket } from "node:net";
import type { Writable } from "node:stream";

export interface InputRelayOptions {
  /** What the end of the host's input means: the end of a pipe, or nothing (a terminal has no end of file). */
  readonly forwardEnd: boolean;
}

export class InputRelay {
  readonly #connection: Socket;
  readonly #target: Writable;

  constructor(connection: Socket, target: Writable, options: InputRelayOptions) {
    this.#connection = connection;
    this.#target = target;
    connection.on("data", (chunk: Buffer) => {
      if (!target.write(chunk)) connection.pause();
    });
    target.on("drain", () => connection.resume());
    connection.on("end", () => {
      if (options.forwardEnd) target.end();
    });
    connection.on("error", () => {
      // The host is gone without an end: the process reads end of file, as after an orderly one.
      if (options.forwardEnd) target.end();
    });
    // The process has closed its input: the host's writes fail from here on, as they would on a pipe.
    target.on("error", () => connection.destroy());
    connection.resume();
  }

  /** The process has exited, so nothing can be delivered; the host may have left its end open. */
  release(): void {
    this.#connection.destroy();
    this.#target.destroy();
  }
}
