/**
 * Which handles a worker has open, as the kernel shows them from outside: the worker ends with its last one, and
 * whoever closes a handle must know whether there is an end to wait for.
 */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/** File descriptor that the worker inherits as its first handle. */
const FIRST_HANDLE = 3;
/**
 * States in /proc/net/unix: connected (03), and connecting, which is how a connection reads that the worker has not
 * accepted yet (02). The listener itself is unconnected (01).
 */
const CONNECTIONS: readonly (string | undefined)[] = ["02", "03"];

/** The inode of the first handle's socket, by which it is told from others; read while it is surely open. */
export function firstHandleInode(workerPid: number): string | undefined {
  return socketInode(workerPid, String(FIRST_HANDLE));
}

/** Whether the creator's handle, with the inode {@link firstHandleInode} gave, is still open in the worker. */
export function isFirstHandleOpen(workerPid: number, inode: string): boolean {
  return list(`/proc/${workerPid}/fd`).some((fd) => socketInode(workerPid, fd) === inode);
}

/**
 * How many handles were opened through the control socket and are still open in the worker (proc(5), /proc/net/unix).
 * The kernel counts an accepted socket to the network namespace of who connected, which is the host's.
 */
export function countOpenedHandles(controlSocket: string): number {
  const lines = readFileSync("/proc/net/unix", "utf8").split("\n");
  return lines.filter((line) => {
    const [, , , , , state, , path] = line.trim().split(/\s+/);
    return CONNECTIONS.includes(state) && path === controlSocket;
  }).length;
}

function socketInode(pid: number, fd: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** The descriptor was closed, or the process has ended. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ESRCH";
}
