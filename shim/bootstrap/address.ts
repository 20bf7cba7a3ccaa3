/**
 * Where a pod's shim listens. Every `start` of one pod computes the same address, so that it finds the shim
 * which is already there (containerd's pkg/shim uses the same digest).
 */
import { lstatSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { sha256 } from "./sha256.ts";

/** What `start` prints and the `address` file holds. */
export interface ShimAddress {
  /** `unix:///run/containerd/s/<digest>` or `\\.\pipe\…`. */
  readonly url: string;
  /** What `net.connect` and `net.listen` take. */
  readonly path: string;
}

/** Where containerd wants the sockets of shims, unless it names another directory (`socket_dir`). */
export const DEFAULT_SOCKET_DIRECTORY = "/run/containerd/s";
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
  const digest = sha256(join(inputs.containerd, inputs.namespace, inputs.group));
  const path = join(inputs.socketDirectory ?? DEFAULT_SOCKET_DIRECTORY, digest);
  return { url: `unix://${path}`, path };
}

/** Where the log of a shim is read on Windows: containerd knows the name. */
export function logPipePath(namespace: string, id: string): string {
  return `\\\\.\\pipe\\containerd-shim-${namespace}-${id}-log`;
}

/** The path behind an address as containerd writes it. */
export function pathOfAddress(url: string): string {
  return url.startsWith("unix://") ? url.slice("unix://".length) : url;
}

/**
 * The socket files of a directory that nobody serves any more. One that is busy, or that cannot be asked, counts as served.
 *
 * @param prefix what their names begin with; others are not asked
 */
export async function deadSockets(directory: string, prefix = ""): Promise<string[]> {
  let names: string[];
  try {
    names = readdirSync(directory).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const paths = names
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(directory, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isSocket());
  const dead = await Promise.all(paths.map(isRefused));
  return paths.filter((_, index) => dead[index]);
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(false));
    socket.once("error", (error: NodeJS.ErrnoException) => settle(error.code === "ECONNREFUSED"));
  });
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
