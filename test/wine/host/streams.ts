/** Standard streams of processes, on their way to the pipes that a stand-in DLL makes of them. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HcsProcess } from "../../../hcs/api.ts";
import { createDeferred, type Deferred } from "../../../hcs/deferred.ts";
import type { Fields } from "./frame.ts";

interface Offer {
  readonly stream: Duplex;
  readonly isInput: boolean;
}

export class Streams {
  readonly #offered = new Map<number, Offer>();
  /** For each stdin, when all that was written to its pipe has come. */
  readonly #received = new WeakMap<Duplex, Deferred<void>>();
  #lastId = 0;

  /** @returns the ids by which a DLL connects to the streams of a process; absent where it has none */
  offer({ stdio }: HcsProcess): Fields {
    return {
      stdin: this.#offer(stdio.stdin, true),
      stdout: this.#offer(stdio.stdout, false),
      stderr: this.#offer(stdio.stderr, false),
    };
  }

  /** Resolves when the pipe of this stdin has been closed, and everything written to it has come. */
  async received(stdin: Duplex | undefined): Promise<void> {
    if (stdin !== undefined) await this.#received.get(stdin)?.promise;
  }

  /** A DLL has connected. */
  join(id: number, socket: Socket, early: Buffer): void {
    const offer = this.#offered.get(id);
    this.#offered.delete(id);
    if (offer === undefined) {
      socket.destroy();
      return;
    }
    const { stream, isInput } = offer;
    const end = (): void => {
      socket.destroy();
      stream.destroy();
    };
    socket.on("error", end);
    stream.on("error", end);
    if (!isInput) {
      socket.resume();
      stream.pipe(socket);
      stream.on("close", () => socket.end());
      // The process may have ended, and its streams with it, before the DLL had connected.
      if (stream.destroyed) socket.end();
      return;
    }
    const received = this.#received.get(stream);
    socket.on("close", () => received?.resolve());
    if (early.length > 0) stream.write(early);
    socket.pipe(stream);
    stream.on("finish", () => socket.end());
  }

  #offer(stream: Duplex | undefined, isInput: boolean): number | undefined {
    if (stream === undefined) return undefined;
    if (isInput) this.#received.set(stream, createDeferred());
    this.#offered.set(++this.#lastId, { stream, isInput });
    return this.#lastId;
  }
}
