/** A named pipe of the host: a unix socket in a directory that the worker sees. */
import { lstatSync, readdirSync, watch, type FSWatcher } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { connectSocketFile } from "../../../socket-file.ts";
import { until } from "../../../wait.ts";

/** How long a socket may be there before somebody listens on it: those are two calls of its server. */
const LISTEN_LIMIT_MS = 500;
/** … or a connection may wait for a place in the server's queue. */
const BUSY_LIMIT_MS = 10_000;

export class HostPipe {
  readonly #directory: string;
  readonly #fileName: string;
  #watcher: FSWatcher | undefined;
  /** A socket that nobody listens on: its server was killed. Nobody ever will, a new server makes a new one. */
  #abandoned: string | undefined;

  /** @param fileName in lower case; that of the socket may be in any */
  constructor(directory: string, fileName: string) {
    this.#directory = directory;
    this.#fileName = fileName;
  }

  get isServed(): boolean {
    const path = this.#path();
    const identity = path === undefined ? undefined : identityOf(path);
    return identity !== undefined && identity !== this.#abandoned;
  }

  /** Calls back whenever {@link isServed} may have changed, until {@link close}. */
  watch(onChange: () => void): void {
    this.#watcher = watch(this.#directory, (_event, name) => {
      if (name === null || name.toLowerCase() === this.#fileName) onChange();
    });
    // The directory has gone, and with it the pipe.
    this.#watcher.on("error", onChange);
  }

  /** Connects to the server. Undefined when there is none (any more). */
  async connect(): Promise<Socket | undefined> {
    const start = performance.now();
    const what = `the server of pipe "${this.#fileName}" takes a connection`;
    return until(
      async () => {
        const path = this.#path();
        const identity = path === undefined ? undefined : identityOf(path);
        if (path === undefined || identity === undefined) return { socket: undefined };
        try {
          const socket = await connectSocketFile(path);
          if (socket !== undefined) return { socket };
        } catch (error) {
          // Its queue is full.
          if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
          throw error;
        }
        if (performance.now() - start < LISTEN_LIMIT_MS) return undefined;
        this.#abandoned = identity;
        return { socket: undefined };
      },
      { what, limitMs: BUSY_LIMIT_MS },
    ).then(({ socket }) => socket);
  }

  close(): void {
    this.#watcher?.close();
  }

  #path(): string | undefined {
    const name = readdirSync(this.#directory).find((entry) => entry.toLowerCase() === this.#fileName);
    return name === undefined ? undefined : join(this.#directory, name);
  }
}

/** Tells a socket from the one that was there before; undefined for what is none. */
function identityOf(path: string): string | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats?.isSocket() === true ? `${stats.ino}:${stats.ctimeNs}` : undefined;
}
