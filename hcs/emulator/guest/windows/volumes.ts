/**
 * Windows paths of the guest and what is behind them in the worker's view: shares of the host, mounted disks, volumes,
 * and the VM's own drive C:.
 */
import { existsSync } from "node:fs";
import { join, win32 } from "node:path";
import { hresultFromWin32 } from "../../../hresult.ts";
import { parseSharePath, parseVolumePath } from "../../windows/paths.ts";
import { GuestError } from "../errors.ts";

/** Where the worker shows what the host shares; `<directory>/<share name>`. */
export const SHARES = "/run/shares/vsmb";
/** … and the volumes of the host that it was given: `<directory>/<GUID>` is a scratch disk. */
export const VOLUMES = "/run/shares/volumes";

const ERROR_PATH_NOT_FOUND = 3;

/** What is mounted where in the guest's own drive, by the case-folded path. */
export class GuestVolumes {
  readonly #mounts = new Map<string, string>();

  /** `path` shows `directory` from now on. */
  add(path: string, directory: string): void {
    this.#mounts.set(fold(path), directory);
  }

  remove(path: string): void {
    this.#mounts.delete(fold(path));
  }

  /** The directory or file behind a path of the host's documents. @throws {GuestError} when there is none */
  find(path: string): string {
    const found = this.#lookUp(path);
    if (found !== undefined && existsSync(found)) return found;
    throw new GuestError(hresultFromWin32(ERROR_PATH_NOT_FOUND), `"${path}" does not exist`);
  }

  /** The scratch disk behind the root path of a container. */
  findScratch(path: string): string {
    const volume = parseVolumePath(path);
    const directory = volume === undefined ? this.#mounts.get(fold(path)) : join(VOLUMES, volume.id);
    if (directory !== undefined && existsSync(directory)) return directory;
    throw new GuestError(hresultFromWin32(ERROR_PATH_NOT_FOUND), `nothing is mounted at "${path}"`);
  }

  #lookUp(path: string): string | undefined {
    const share = parseSharePath(path);
    if (share !== undefined) return join(SHARES, share.name, ...share.components);
    const folded = fold(path);
    for (const [root, directory] of this.#mounts) {
      if (folded === root) return directory;
      if (folded.startsWith(`${root}\\`)) return join(directory, ...path.slice(root.length + 1).split("\\"));
    }
    return undefined;
  }
}

function fold(path: string): string {
  const normal = win32.normalize(path).toLowerCase();
  return normal.length > 3 && normal.endsWith("\\") ? normal.slice(0, -1) : normal;
}
