/**
 * Where a pod's shim listens. Every `start` of one pod computes the same address, so that it finds the shim
 * which is already there (containerd's pkg/shim uses the same digest).
 */
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";

/** What `start` prints and the `address` file holds. */
export interface ShimAddress {
  /** `unix:///run/containerd/s/<digest>` or `\\.\pipe\…`. */
  readonly url: string;
  /** What `net.connect` and `net.listen` take. */
  readonly path: string;
}

const DEFAULT_SOCKET_DIRECTORY = "/run/containerd/s";
const PIPE_PREFIX = "\\\\.\\pipe\\ProtectedPrefix\\Administrators\\containerd-shim-";

export interface AddressInputs {
  readonly namespace: string;
  /** Id of the pod, or of the task that is not part of one. */
  readonly group: string;
  /** containerd's gRPC address; part of the digest, because two containerds may share a machine. */
  readonly containerd: string;
  /** `socket_dir` of containerd 2.3 and later. */
  readonly socketDirectory?: string;
}

export function shimAddress(
  inputs: AddressInputs,
  platform: NodeJS.Platform = process.platform,
): ShimAddress {
  if (platform === "win32") {
    const path = `${PIPE_PREFIX}${inputs.namespace}-${inputs.group}-pipe`;
    return { url: path, path };
  }
  const digest = createHash("sha256")
    .update(join(inputs.containerd, inputs.namespace, inputs.group))
    .digest("hex");
  const path = join(inputs.socketDirectory ?? DEFAULT_SOCKET_DIRECTORY, digest);
  return { url: `unix://${path}`, path };
}

/** The path behind an address as containerd writes it. */
export function pathOfAddress(url: string): string {
  return url.startsWith("unix://") ? url.slice("unix://".length) : url;
}

/** Whether somebody accepts connections at `path`. */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
