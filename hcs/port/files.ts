/** The host's file system, as far as making containers needs it. Paths are the host's own ({@link BackendTraits.paths}). */
import type { CallOptions } from "./call.ts";

export type HostFileKind = "file" | "directory" | "other";

export interface HostFile {
  readonly kind: HostFileKind;
  /** Bytes; 0 for what has no length. */
  readonly size: number;
}

export interface HostFiles {
  /** Follows links. Undefined when nothing is there. */
  stat(path: string, options?: CallOptions): Promise<HostFile | undefined>;
  /**
   * The path with every link followed, its drive letter replaced by the volume on Windows
   * (GetFinalPathNameByHandle, `\\?\Volume{…}\…`).
   */
  finalPath(path: string, options?: CallOptions): Promise<string>;
  /**
   * Whether the file system of `path` tells files apart by ids (GetFileInformationByHandleEx, FileIdInfo); network
   * redirectors and filters may not.
   */
  answersFileIds(path: string, options?: CallOptions): Promise<boolean>;
  readFile(path: string, options?: CallOptions): Promise<Uint8Array>;
  /** Makes a directory with its parents; one that is there is success. */
  makeDirectory(path: string, options?: CallOptions): Promise<void>;
  /** Copies one file. Refuses a target that exists. */
  copyFile(from: string, to: string, options?: CallOptions): Promise<void>;
  /** Removes a file or a whole directory; one that is not there is success. */
  remove(path: string, options?: CallOptions): Promise<void>;
  /** A new, empty directory of our own. */
  makeTemporaryDirectory(prefix: string, options?: CallOptions): Promise<string>;
  /** CreateSymbolicLink. */
  makeLink(link: string, target: string, options?: CallOptions): Promise<void>;
}
