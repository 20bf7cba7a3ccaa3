/**
 * Handles to this compute system: the creator's connection and those accepted on the control socket
 * (`messages.ts`). With the last one closed the system ends, when its document says so.
 */
import { once } from "node:events";
import { createServer, Socket, type Server } from "node:net";
import { encodeLine, LineSplitter, parseHandleRequest, type HandleEvent } from "./messages.ts";

export interface HandlesOptions {
  /** A handle asks to start the system. May be called more than once. */
  readonly onStart: () => void;
  /** The last handle has been closed. */
  readonly onLastClosed: () => void;
  /** Something that cannot be obeyed came over a handle. */
  readonly onStray: (line: string) => void;
}

/** The creator's handle, which the worker is born with. */
export function creatorHandle(): Socket {
  return new Socket({ fd: CREATOR_FD, readable: true, writable: true });
}

/** Its file descriptor. */
const CREATOR_FD = 3;

export class Handles {
  readonly #options: HandlesOptions;
  readonly #open = new Set<Socket>();
  /** Told to every handle that is opened later. */
  readonly #events: HandleEvent[] = [];
  #server: Server | undefined;

  constructor(options: HandlesOptions) {
    this.#options = options;
  }

  /** Accepts further handles at `path`. */
  async listen(path: string): Promise<void> {
    this.#server = createServer((socket) => this.add(socket));
    this.#server.listen(path);
    await once(this.#server, "listening");
  }

  /** Accepts no further handles. Those that are open stay. */
  close(): void {
    this.#server?.close();
  }

  add(socket: Socket): void {
    this.#open.add(socket);
    const lines = new LineSplitter();
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      for (const line of lines.push(chunk)) this.#obey(line);
    });
    // A broken handle is a closed one.
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#options.onLastClosed();
    });
    for (const event of this.#events) socket.write(encodeLine(event));
    // The creator's may have been stopped while nobody listened.
    socket.resume();
  }

  #obey(line: string): void {
    if (parseHandleRequest(line)?.op === "start") this.#options.onStart();
    else this.#options.onStray(line);
  }

  /** Tells all handles, those opened later too. */
  announce(event: HandleEvent): void {
    this.#events.push(event);
    for (const socket of this.#open) socket.write(encodeLine(event));
  }
}
