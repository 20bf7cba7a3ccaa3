/**
 * Doors: sockets that a process listens on before anybody knows which pod's they will be. Whoever gives the process a pod
 * hangs one at the pod's address, which takes one system call: the address can be told at once, since connections wait in
 * the door while the process makes the pod. A door whose process dies refuses and resets connections like any socket.
 */
import { linkSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { deadSockets, isListening } from "../bootstrap/address.ts";
import { servingPlatform } from "../platform/serving.ts";
import type { Server } from "../ttrpc/index.ts";
import { EarlyConnections } from "./early-connections.ts";

/** Somebody who listens already, and serves later. */
export interface EarlyListener {
  /** Hands over the socket, and the connections that came before. */
  readonly serve: (server: Server) => Promise<void>;
  readonly close: () => void;
}

/** Listens before there is a server. @throws when somebody serves `path` */
export async function listenEarly(path: string): Promise<EarlyListener> {
  const early = new EarlyConnections();
  const serving = await servingPlatform();
  const listener = await serving.offer(path, early.accept);
  if (listener === undefined) throw new Error(`cannot listen at ${path}: somebody does`);
  return {
    serve: (server) => {
      server.own(listener);
      early.serveBy(server);
      return Promise.resolve();
    },
    close: () => {
      listener.close();
      early.drop();
    },
  };
}

/** The doors of this process. */
export class Doors {
  readonly #address: string;
  readonly #open = new Map<string, EarlyListener>();
  #made = 0;

  /** @param address of the keeper: doors are beside it, and bear its name */
  constructor(address: string) {
    this.#address = address;
    process.on("exit", () => this.close());
  }

  /** Makes another. @returns its path */
  async make(): Promise<string> {
    const path = `${this.#address}.${process.pid}.${(this.#made += 1)}`;
    this.#open.set(path, await listenEarly(path));
    return path;
  }

  /** The one at `path`, which hangs elsewhere by now. @throws when it is no door of this process */
  take(path: string): EarlyListener {
    const listener = this.#open.get(path);
    if (listener === undefined)
      throw new Error(`cannot use ${path}: it is no door of process ${process.pid}`);
    this.#open.delete(path);
    removeIfThere(path);
    return listener;
  }

  get count(): number {
    return this.#open.size;
  }

  /** No pod will come by one of them any more. */
  close(): void {
    for (const [path, listener] of this.#open) {
      listener.close();
      removeIfThere(path);
    }
    this.#open.clear();
  }
}

/**
 * Has the door at `door` be reached at `path`. It stays reachable where it was until its process takes it.
 *
 * @returns `served` when somebody serves `path` already; `impossible` where it cannot be had there: a directory of another file
 *   system, a door that has gone
 */
export async function hangDoor(door: string, path: string): Promise<"hung" | "served" | "impossible"> {
  let code = tryLink(door, path);
  if (code === "ENOENT") {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    code = tryLink(door, path);
  }
  if (code === "EEXIST") {
    if (await isListening(path)) return "served";
    removeIfThere(path);
    code = tryLink(door, path);
  }
  return code === undefined ? "hung" : "impossible";
}

/** What is wrong; undefined when nothing is. */
function tryLink(door: string, path: string): string | undefined {
  try {
    linkSync(door, path);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function removeIfThere(path: string): void {
  rmSync(path, { force: true });
}

/** Takes the doors away of processes that were killed. @param address of the keeper they had */
export async function removeDeadDoors(address: string): Promise<void> {
  for (const path of await deadSockets(dirname(address), `${basename(address)}.`)) removeIfThere(path);
}
