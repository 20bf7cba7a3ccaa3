/** Where things of the host appear in a Windows VM. */

const VSMB = "\\\\?\\VMSMB\\VSMB-{dcc079ae-60ba-4d07-847c-3493609c0870}\\";

/** Prefix of named pipes, on the host and in a guest. */
export const PIPE_PREFIX = "\\\\.\\pipe\\";

/** Where `sandbox://` mounts of a pod live in its VM. */
const SANDBOX_MOUNTS = "C:\\SandboxMounts";
const SANDBOX_SCHEME = "sandbox://";

/** The root of VSMB share `name`. */
export function vsmbGuestPath(name: string): string {
  return `${VSMB}${name}`;
}

/** A named pipe of the host, which the VM was given. */
export function guestPipePath(hostPipe: string): string {
  return `${VSMB}IPC$\\${hostPipe.slice(PIPE_PREFIX.length)}`;
}

/** The directory in the VM that a `sandbox://` source means. */
export function sandboxMountPath(source: string): string {
  const path = source.slice(SANDBOX_SCHEME.length).replaceAll("/", "\\").replace(/^\\+/, "");
  return `${SANDBOX_MOUNTS}\\${path}`;
}
