/** The host's end of a handle to a worker (worker/messages.ts). */
import { connect, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createDeferred, type Deferred } from "../../deferred.ts";
import { abortable } from "../../abortable.ts";
import {
  encodeLine,
  LineSplitter,
  parseHandleEvent,
  type HandleEvent,
  type HandleRequest,
} from "../worker/messages.ts";

/** Events that happen once in the life of a system. */
type Milestone = "created" | "started";

export class WorkerLink {
  readonly #socket: Duplex;
  readonly #heard = new Map<Milestone, Deferred<void>>(
    (["created", "started"] as const).map((milestone) => [milestone, createDeferred<void>()]),
  );
  #exit: (HandleEvent & { event: "exit" }) | undefined;

  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;

  constructor(socket: Duplex) {
    this.#socket = socket;
    const lines = new LineSplitter();
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => lines.push(chunk).forEach((line) => this.#hear(line)));
    // A connection that breaks has ended; `close` follows.
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  /** What the worker itself said about its end. */
  get exit(): (HandleEvent & { event: "exit" }) | undefined {
    return this.#exit;
  }

  /** Resolves when the worker has reported `milestone`; stays pending if it never does. */
  reached(milestone: Milestone): Promise<void> {
    return (this.#heard.get(milestone) as Deferred<void>).promise;
  }

  send(request: HandleRequest): void {
    this.#socket.write(encodeLine(request));
  }

  /** As those of a socket: whether this process stays for it. */
  ref(): void {
    if (this.#socket instanceof Socket) this.#socket.ref();
  }

  unref(): void {
    if (this.#socket instanceof Socket) this.#socket.unref();
  }

  /** Closes the handle. */
  close(): void {
    this.#socket.destroy();
  }

  #hear(line: string): void {
    const event = parseHandleEvent(line);
    if (event === undefined) {
      this.#socket.destroy(new Error(`worker sent what is no event: ${line.slice(0, 200)}`));
    } else if (event.event === "exit") {
      this.#exit = event;
    } else {
      this.#heard.get(event.event)?.resolve();
    }
  }
}

/** Opens a further handle by the control socket of a system. Rejects as `connect` does: `ENOENT`, `ECONNREFUSED`. */
export async function openWorkerLink(
  controlSocket: string,
  signal: AbortSignal | undefined,
): Promise<WorkerLink> {
  return new WorkerLink(await connectTo(controlSocket, signal));
}

/** {@link openWorkerLink}, for whoever does not want to hear what the worker says. */
export function connectTo(controlSocket: string, signal: AbortSignal | undefined): Promise<Socket> {
  const connecting = new Promise<Socket>((resolve, reject) => {
    const socket = connect(controlSocket);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
  return abortable(connecting, signal, (late) => late.destroy());
}
