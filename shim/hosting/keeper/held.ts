/** What the keeper holds for one pod of a shared process. It reads and writes none of it. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { Handle } from "../takeover/holder.ts";

const MODE = { read: constants.O_RDONLY, write: constants.O_WRONLY } as const;

export class Held {
  readonly #handles = new Map<string, Handle>();
  readonly #paths = new Map<string, number>();

  hold(name: string, handle: Handle): void {
    this.drop(name);
    this.#handles.set(name, handle);
  }

  /** A FIFO that is gone, or that nobody has opened at its other end, is not held. */
  holdPath(name: string, path: string, mode: "read" | "write"): void {
    let file: number;
    try {
      file = openSync(path, MODE[mode] | constants.O_NONBLOCK);
    } catch {
      return;
    }
    if (fstatSync(file).isFIFO()) this.#paths.set(name, file);
    else closeSync(file);
  }

  drop(name: string): void {
    this.#handles.get(name)?.close();
    this.#handles.delete(name);
    const file = this.#paths.get(name);
    if (file !== undefined) closeSync(file);
    this.#paths.delete(name);
  }

  get handles(): readonly (readonly [string, Handle])[] {
    return [...this.#handles];
  }

  get names(): readonly string[] {
    return [...this.#handles.keys(), ...this.#paths.keys()];
  }

  close(): void {
    for (const name of this.names) this.drop(name);
  }
}
