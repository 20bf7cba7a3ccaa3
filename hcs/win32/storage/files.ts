/** The host's file system: Node's own calls behind the port, and the one that Node has not. */
import { constants } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { abortable } from "../../abortable.ts";
import type { CallOptions } from "../../api.ts";
import type { HostFile, HostFiles } from "../../port/files.ts";
import type { NativeThread, ThreadCalls } from "../threads/native-thread.ts";
import type { AccessCalls } from "./access-calls.ts";
import { fileFailure } from "./file-errors.ts";

export class Win32Files implements HostFiles {
  readonly #access: ThreadCalls<AccessCalls>;

  constructor(thread: NativeThread) {
    this.#access = thread.calls<AccessCalls>("access");
  }

  stat(path: string, options?: CallOptions): Promise<HostFile | undefined> {
    return run("look at", path, options, async () => {
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
    return this.#access.finalPath([path], options);
  }

  answersFileIds(path: string, options?: CallOptions): Promise<boolean> {
    return this.#access.answersFileIds([path], options);
  }

  readFile(path: string, options?: CallOptions): Promise<Uint8Array> {
    return run("read", path, options, () => readFile(path));
  }

  makeDirectory(path: string, options?: CallOptions): Promise<void> {
    return run("make directory", path, options, async () => {
      await mkdir(path, { recursive: true });
    });
  }

  copyFile(from: string, to: string, options?: CallOptions): Promise<void> {
    return run(`copy to ${to} from`, from, options, () => copyFile(from, to, constants.COPYFILE_EXCL));
  }

  remove(path: string, options?: CallOptions): Promise<void> {
    return run("remove", path, options, () => rm(path, { recursive: true, force: true }));
  }

  makeTemporaryDirectory(prefix: string, options?: CallOptions): Promise<string> {
    return run("make temporary directory", prefix, options, () => mkdtemp(join(tmpdir(), prefix)));
  }

  makeLink(link: string, target: string, options?: CallOptions): Promise<void> {
    return run("make link", link, options, async () => {
      // A link of Windows is one to a file or one to a directory; of what is not there yet, Node makes one to a file.
      await symlink(target, link);
    });
  }
}

/** A call that was given up goes on to its end, as file operations do; nobody hears of it. */
async function run<T>(
  operation: string,
  target: string,
  { signal }: CallOptions = {},
  body: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const attempted = body().catch((error: unknown) => {
    throw fileFailure(error, { operation, target });
  });
  return abortable(attempted, signal);
}
