/** One DLL of one process, as the host of the rig sees it. */
import type { Socket } from "node:net";
import { encodeFrame, FRAME, type Fields, type Frame } from "./frame.ts";

export class Connection {
  readonly library: string;
  readonly process: number;
  readonly #socket: Socket;
  readonly #cleanups = new Set<() => Promise<void>>();
  readonly #reports = new Map<number, (fields: Frame["fields"] | undefined) => void>();
  #lastAsk = 0;

  constructor(socket: Socket, hello: Frame) {
    this.#socket = socket;
    this.library = String(hello.fields["library"]);
    this.process = Number(hello.fields["process"]);
  }

  answer(id: number, fields: Fields): void {
    this.#send(FRAME.answer, id, fields);
  }

  /** Calls back by way of the DLL's own thread. */
  event(name: string, fields: Fields): void {
    this.#send(FRAME.event, 0, { event: name, ...fields });
  }

  /** What the DLL has open: handles by kind, `results`, `processHandles`. Undefined when its process ends before it answers. */
  report(): Promise<Frame["fields"] | undefined> {
    if (this.#socket.destroyed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#reports.set(++this.#lastAsk, resolve);
      this.#send(FRAME.ask, this.#lastAsk, {});
    });
  }

  handleReport({ id, fields }: Frame): void {
    this.#reports.get(id)?.(fields);
    this.#reports.delete(id);
  }

  /** What is to be done when the process goes without closing its handles. @returns takes it back */
  onGone(cleanup: () => Promise<void>): () => void {
    this.#cleanups.add(cleanup);
    return () => this.#cleanups.delete(cleanup);
  }

  /** The connection has ended. */
  async gone(): Promise<void> {
    for (const settle of this.#reports.values()) settle(undefined);
    this.#reports.clear();
    const cleanups = [...this.#cleanups];
    this.#cleanups.clear();
    await Promise.all(cleanups.map((cleanup) => cleanup()));
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(kind: number, id: number, fields: Fields): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame(kind, id, fields));
  }
}
