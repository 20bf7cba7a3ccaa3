/**
 * One client's connection: between the relay in the container, which speaks frames, and the server's socket. As with pipes
 * of Windows, what either side has written before it went is read by the other, and there is no half of a connection.
 */
import type { Socket } from "node:net";
import { createDeferred } from "../../../../deferred.ts";
import { FRAME, WINDOW, type FrameKind } from "./frames.ts";

/** Sends a frame to the relay. */
export type Send = (kind: FrameKind, id: number, number?: number, data?: Buffer) => void;

export class PipeConnection {
  /** Settles when nothing of the connection is left. Never rejects. */
  readonly ended: Promise<void>;
  readonly #ended = createDeferred<void>();
  readonly #id: number;
  readonly #send: Send;
  /** What the client has written before the server was connected: at most a window. */
  readonly #early: Buffer[] = [];
  #socket: Socket | undefined;
  #untaken = 0;
  #isClientGone = false;
  #isServerGone = false;

  constructor(id: number, send: Send) {
    this.ended = this.#ended.promise;
    this.#id = id;
    this.#send = send;
  }

  /** The server's end. Undefined: there is no server. */
  connected(socket: Socket | undefined): void {
    if (this.#isServerGone) {
      socket?.destroy();
      return;
    }
    if (socket === undefined) {
      this.#serverGone();
      return;
    }
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#serverWrote(chunk));
    socket.on("end", () => this.#serverGone());
    // A server that resets the connection is gone like one that closes it.
    socket.on("error", () => this.#serverGone());
    socket.on("close", () => this.#serverGone());
    for (const chunk of this.#early.splice(0)) this.#deliver(socket, chunk);
    if (this.#isClientGone) this.#finish(socket);
  }

  clientWrote(data: Buffer): void {
    if (this.#isServerGone) return;
    if (this.#socket === undefined) this.#early.push(data);
    else this.#deliver(this.#socket, data);
  }

  /** The client has taken what the server wrote. */
  clientTook(bytes: number): void {
    this.#untaken -= bytes;
    if (this.#untaken < WINDOW) this.#socket?.resume();
  }

  /** The server is still to have what the client wrote. */
  clientGone(): void {
    if (this.#isClientGone) return;
    this.#isClientGone = true;
    if (this.#socket !== undefined) this.#finish(this.#socket);
  }

  /** Gives up what the server has not taken. */
  destroy(): void {
    this.#isClientGone = true;
    this.#serverGone();
  }

  #deliver(socket: Socket, data: Buffer): void {
    socket.write(data, (error) => {
      if (!(error instanceof Error) && !this.#isClientGone) this.#send(FRAME.taken, this.#id, data.length);
    });
  }

  #serverWrote(chunk: Buffer): void {
    if (this.#isClientGone) return;
    this.#send(FRAME.data, this.#id, chunk.length, chunk);
    this.#untaken += chunk.length;
    if (this.#untaken >= WINDOW) this.#socket?.pause();
  }

  #finish(socket: Socket): void {
    // What the server writes now is for nobody; not read, it would turn the end into a reset.
    socket.resume();
    socket.end(() => socket.destroy());
  }

  #serverGone(): void {
    if (this.#isServerGone) return;
    this.#isServerGone = true;
    if (!this.#isClientGone) this.#send(FRAME.closed, this.#id);
    this.#socket?.destroy();
    this.#ended.resolve();
  }
}
