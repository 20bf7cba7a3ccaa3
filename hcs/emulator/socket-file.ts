/** Connecting to unix sockets by their files, where others may change what lies there. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { abortable } from "../abortable.ts";

/** Linux: a handle that names a file and can do nothing else with it. */
const O_PATH = 0o10000000;

/**
 * Undefined where nobody listens (any more). What is there is held while it is looked at: a container may put a link to some
 * socket of the host in the place of its own. The handle also has a name that is short enough for a socket.
 */
export async function connectSocketFile(path: string, signal?: AbortSignal): Promise<Socket | undefined> {
  let handle: number;
  try {
    handle = openSync(path, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    if (!fstatSync(handle).isSocket()) return undefined;
    const socket = connect({ path: `/proc/self/fd/${handle}`, allowHalfOpen: true });
    const connected = new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve();
      });
    });
    try {
      await abortable(connected, signal);
      return socket;
    } catch (error) {
      socket.on("error", () => undefined).destroy();
      if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") return undefined;
      throw error;
    }
  } finally {
    closeSync(handle);
  }
}
