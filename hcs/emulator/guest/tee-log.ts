/** A copy of a container's output in a file of its pod's log directory. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { GuestError, RESULT } from "./errors.ts";

export class TeeLog {
  readonly #fd: number;
  #closed = false;

  /** `path` is relative to `directory` and must stay in it. */
  constructor(directory: string, path: string) {
    const relative = posix.normalize(path);
    if (posix.isAbsolute(relative) || relative === "." || relative === ".." || relative.startsWith("../")) {
      throw new GuestError(RESULT.failed, `log path "${path}" is not below the pod's log directory`);
    }
    const file = join(directory, relative);
    mkdirSync(dirname(file), { recursive: true });
    this.#fd = openSync(file, "a", 0o644);
  }

  /** Synchronous: the directory is in the guest's memory. */
  write(chunk: Uint8Array): void {
    if (!this.#closed) writeSync(this.#fd, chunk);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}
