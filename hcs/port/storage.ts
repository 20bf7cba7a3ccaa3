/** Root file systems on the host, and who may open a file. */
import type { CallOptions } from "./call.ts";

/** One entry of the mount list a containerd snapshotter hands over (containerd.types.Mount). */
export interface RootfsMount {
  readonly type: string;
  readonly source: string;
  /** Sub-path inside the root file system, usually empty. */
  readonly target: string;
  readonly options: readonly string[];
}

export interface Storage {
  /** Mount types that {@link mount} can turn into a directory on this host. */
  readonly mountTypes: readonly string[];
  /** Applies `mounts` in order onto `target`, which is an empty directory. All or nothing. */
  mount(mounts: readonly RootfsMount[], target: string, options?: CallOptions): Promise<void>;
  /** Undoes every mount on and below `target`. A target without mounts is success. */
  unmount(target: string, options?: CallOptions): Promise<void>;
  /** HcsGrantVmAccess: lets the VM of this id open the file. */
  grantVmAccess(vmId: string, path: string, options?: CallOptions): Promise<void>;
  /** HcsGrantVmGroupAccess with an access mask (GENERIC_*, unsigned): lets every VM open the file or directory. */
  grantVmGroupAccess(path: string, accessMask: number, options?: CallOptions): Promise<void>;
}
