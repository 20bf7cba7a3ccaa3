/** `-info`: describes the runtime to containerd 2.x (containerd.types.RuntimeInfo). */
import { RuntimeInfo } from "../../protos/gen/types.ts";
import { Any } from "../../protos/gen/google.ts";

/**
 * @param stdin runtime options as a bare Any, or nothing
 * @returns the encoded message, for stdout
 */
export function runtimeInfo(stdin: Uint8Array, version: string): Uint8Array {
  return RuntimeInfo.encode({
    name: "io.containerd.runhcs.v1",
    version: { version, revision: "" },
    options: stdin.length === 0 ? undefined : Any.decode(stdin),
  });
}
