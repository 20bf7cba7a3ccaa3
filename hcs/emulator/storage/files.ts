/**
 * The host's file system: Node's own calls behind the port. Paths of Linux are themselves; drive C: and the volumes of
 * layers are where the emulator has them ({@link WindowsHost.localPath}).
 */
import { constants } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { CallOptions } from "../../api.ts";
import type { HostFile, HostFiles } from "../../port/files.ts";
import type { Calls } from "../calls.ts";
import type { FaultOperation } from "../faults.ts";
import type { WindowsHost } from "../windows/host.ts";

export class EmulatedFiles implements HostFiles {
  readonly #calls: Calls;

  readonly #host: Pick<WindowsHost, "localPath">;

  constructor(calls: Calls, host: Pick<WindowsHost, "localPath">) {
    this.#calls = calls;
    this.#host = host;
  }

  stat(path: string, options?: CallOptions): Promise<HostFile | undefined> {
    return this.#run("files.stat", "look at", path, options, async (local) => {
      try {
        const found = await stat(local);
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
    return this.#run("files.finalPath", "resolve", path, options, async (local) =>
      // What is not a path of Linux has no links: its drive is where it is said to be.
      local === path ? realpath(path) : path,
    );
  }

  /** All file systems of Linux do. */
  answersFileIds(path: string, options?: CallOptions): Promise<boolean> {
    return this.#run("files.answersFileIds", "look at", path, options, async (local) => {
      await stat(local);
      return true;
    });
  }

  readFile(path: string, options?: CallOptions): Promise<Uint8Array> {
    return this.#run("files.readFile", "read", path, options, (local) => readFile(local));
  }

  makeDirectory(path: string, options?: CallOptions): Promise<void> {
    return this.#run("files.makeDirectory", "make directory", path, options, async (local) => {
      await mkdir(local, { recursive: true });
    });
  }

  copyFile(from: string, to: string, options?: CallOptions): Promise<void> {
    return this.#run("files.copyFile", `copy to ${to} from`, from, options, async (local) =>
      copyFile(
        local,
        await this.#host.localPath(to, { operation: "copy", target: to }),
        constants.COPYFILE_EXCL,
      ),
    );
  }

  remove(path: string, options?: CallOptions): Promise<void> {
    return this.#run("files.remove", "remove", path, options, (local) =>
      rm(local, { recursive: true, force: true }),
    );
  }

  makeTemporaryDirectory(prefix: string, options?: CallOptions): Promise<string> {
    return this.#run("files.makeTemporaryDirectory", "make temporary directory", prefix, options, () =>
      temporaryDirectory(this.#host, prefix),
    );
  }

  makeLink(link: string, target: string, options?: CallOptions): Promise<void> {
    return this.#run("files.makeLink", "make link", link, options, (local) => makeLink(link, local, target));
  }

  #run<T>(
    operation: FaultOperation,
    phrase: string,
    target: string,
    options: CallOptions | undefined,
    body: (local: string) => Promise<T>,
  ): Promise<T> {
    return this.#calls.run(operation, { phrase, target, ...options }, async () =>
      body(await this.#host.localPath(target, { operation: phrase, target })),
    );
  }
}

/** On drive C:, where volumes can be mounted. */
async function temporaryDirectory(host: Pick<WindowsHost, "localPath">, prefix: string): Promise<string> {
  const parent = "C:\\windows\\temp";
  const local = await host.localPath(parent, { operation: "make temporary directory", target: prefix });
  return `${parent}\\${basename(await mkdtemp(join(local, prefix)))}`;
}

/**
 * A link of a Windows path to a path of Linux means nothing to Windows programs. What links are made for, a job's mounts
 * below its root, are mounts there (guest/windows/agent.ts): this makes the place for them.
 */
async function makeLink(link: string, local: string, target: string): Promise<void> {
  if (link === local) await symlink(target, local);
  else if ((await stat(target)).isDirectory()) await mkdir(local, { recursive: true });
  else await writeFile(local, "");
}
