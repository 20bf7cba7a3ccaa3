/** Root file systems and access to files, on a Windows host. */
import type { CallOptions, RootfsMount, Storage } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { NativeThread, ThreadCalls } from "../threads/native-thread.ts";
import type { AccessCalls } from "./access-calls.ts";
import type { LayerCalls } from "./layer-calls.ts";

export class Win32Storage implements Storage {
  /** Windows mounts nothing onto directories of the host: root file systems are volumes, made of layers. */
  readonly mountTypes: readonly string[] = [];
  readonly #layers: ThreadCalls<LayerCalls>;
  readonly #access: ThreadCalls<AccessCalls>;

  constructor(thread: NativeThread) {
    this.#layers = thread.calls<LayerCalls>("layers");
    this.#access = thread.calls<AccessCalls>("access");
  }

  mount(mounts: readonly RootfsMount[], target: string): Promise<void> {
    const types = mounts.map(({ type }) => type).join(", ");
    return Promise.reject(
      new HcsError({
        operation: "mount root file system at",
        target,
        hresult: HRESULT.notSupported,
        detail: `Windows mounts no ${types} onto a directory; it has layers (windows-layer, CimFS, BlockCIM)`,
      }),
    );
  }

  /** There is nothing that it could have mounted. */
  async unmount(): Promise<void> {}

  grantVmAccess(vmId: string, path: string, options?: CallOptions): Promise<void> {
    return this.#layers.grantVmAccess([vmId, path], options);
  }

  grantVmGroupAccess(path: string, accessMask: number, options?: CallOptions): Promise<void> {
    return this.#access.grantVmGroupAccess([path, accessMask], options);
  }
}
