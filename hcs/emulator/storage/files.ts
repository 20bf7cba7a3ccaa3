/** The host's file system: Node's own calls behind the port. */
import { constants } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallOptions } from "../../api.ts";
import type { HostFile, HostFiles } from "../../port/files.ts";
import type { Calls } from "../calls.ts";
import type { FaultOperation } from "../faults.ts";

export class EmulatedFiles implements HostFiles {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  stat(path: string, options?: CallOptions): Promise<HostFile | undefined> {
    return this.#run("files.stat", "look at", path, options, async () => {
      try {
        const found = await stat(path);
        const kind = found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
        return { kind, size: found.size };
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT" || code === "ENOTDIR") return undefined;
        throw error;
      }
    });
  }

  finalPath(path: string, options?: CallOptions): Promise<string> {
    return this.#run("files.finalPath", "resolve", path, options, () => realpath(path));
  }

  readFile(path: string, options?: CallOptions): Promise<Uint8Array> {
    return this.#run("files.readFile", "read", path, options, () => readFile(path));
  }

  makeDirectory(path: string, options?: CallOptions): Promise<void> {
    return this.#run("files.makeDirectory", "make directory", path, options, async () => {
      await mkdir(path, { recursive: true });
    });
  }

  copyFile(from: string, to: string, options?: CallOptions): Promise<void> {
    return this.#run("files.copyFile", `copy to ${to} from`, from, options, () =>
      copyFile(from, to, constants.COPYFILE_EXCL),
    );
  }

  remove(path: string, options?: CallOptions): Promise<void> {
    return this.#run("files.remove", "remove", path, options, () =>
      rm(path, { recursive: true, force: true }),
    );
  }

  makeTemporaryDirectory(prefix: string, options?: CallOptions): Promise<string> {
    return this.#run("files.makeTemporaryDirectory", "make temporary directory", prefix, options, () =>
      mkdtemp(join(tmpdir(), prefix)),
    );
  }

  makeLink(link: string, target: string, options?: CallOptions): Promise<void> {
    return this.#run("files.makeLink", "make link", link, options, () => symlink(target, link));
  }

  #run<T>(
    operation: FaultOperation,
    phrase: string,
    target: string,
    options: CallOptions | undefined,
    body: () => Promise<T>,
  ): Promise<T> {
    return this.#calls.run(operation, { phrase, target, ...options }, body);
  }
}
