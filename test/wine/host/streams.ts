/** Standard streams of processes, on their way to the pipes that a stand-in DLL makes of them. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

export class Streams {
  readonly #offered = new Map<number, Duplex>();
  #lastId = 0;

  /** @returns the id by which a DLL connects to the stream; undefined without a stream */
  offer(stream: Duplex | undefined): number | undefined {
    if (stream === undefined) return undefined;
    this.#offered.set(++this.#lastId, stream);
    return this.#lastId;
  }

  /** A DLL has connected. */
  join(id: number, socket: Socket, early: Buffer): void {
    const stream = this.#offered.get(id);
    this.#offered.delete(id);
    if (stream === undefined) {
      socket.destroy();
      return;
    }
    const end = (): void => {
      socket.destroy();
      stream.destroy();
    };
    socket.on("error", end);
    stream.on("error", end);
    stream.on("close", () => socket.end());
    if (early.length > 0) stream.write(early);
    socket.pipe(stream);
    stream.pipe(socket);
  }
}
