/**
 * What a shared process has its keeper hold, so that it outlives the process: the other descriptor of connections, FIFOs kept
 * open. Without a keeper nothing is held, and nothing else changes.
 */
import type { SendHandle } from "node:child_process";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { MemberMessage } from "../messages.ts";

/** Node's own handle of a stream, which can be sent to another process. */
export interface Handle {
  close(): void;
}

/** Node has no public way to the handle of a socket; it has had this member since Node 0.6. */
function handleOf(stream: Duplex): Handle | undefined {
  return (stream as Duplex & { readonly _handle?: Handle | null })._handle ?? undefined;
}

export class PodHolder {
  readonly #serial: number;
  #paths = 0;

  /** @param serial of the pod, between the process and its keeper */
  constructor(serial: number) {
    this.#serial = serial;
  }

  /** Until it is closed here. */
  hold(name: string, stream: Duplex): void {
    const handle = handleOf(stream);
    if (handle === undefined) return;
    this.#send({ kind: "hold", serial: this.#serial, name }, handle);
    stream.once("close", () => this.drop(name));
  }

  /** Until it is dropped: this process has no use for it. */
  give(name: string, socket: Socket): void {
    const handle = handleOf(socket);
    if (handle === undefined) return;
    // A handle that is under way must not be closed.
    this.#send({ kind: "hold", serial: this.#serial, name }, handle, () => socket.destroy());
  }

  holdPath(path: string, mode: "read" | "write"): () => void {
    const name = `path:${process.pid}:${(this.#paths += 1)}`;
    this.#send({ kind: "hold-path", serial: this.#serial, name, path, mode });
    return () => this.drop(name);
  }

  drop(name: string): void {
    this.#send({ kind: "drop", serial: this.#serial, name });
  }

  /** A keeper that is gone holds nothing. */
  #send(message: MemberMessage, handle?: Handle, done: () => void = () => undefined): void {
    if (process.send === undefined || !process.connected) return done();
    process.send(message, handle as SendHandle | undefined, { keepOpen: true }, () => done());
  }
}
