/**
 * Handles of pipes as Node's own streams: libuv takes the handle into its completion port, so nothing of ours waits for
 * data.
 */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { Lane } from "../ffi/lane.ts";
import { PROGRAM } from "../ffi/libraries/program.ts";
import { Library } from "../ffi/library.ts";
import type { Handle } from "../ffi/types.ts";

const program = new Library(PROGRAM, new Lane("program", 1));

export interface PipeUse {
  readonly readable: boolean;
  readonly writable: boolean;
}

/** What a pipe is opened for: Node would try to read from one that cannot be read. */
export interface PipeUse {
  readonly readable: boolean;
  readonly writable: boolean;
}

/**
 * Makes a stream of a pipe's handle, which was opened for overlapped operations and has none under way. The stream owns it from
 * now on, also when this throws.
 *
 * @param use what the handle allows
 * @throws when Node cannot take the handle
 */
export function adoptPipe(handle: Handle, use: PipeUse = { readable: true, writable: true }): Socket {
  const descriptor = program.call("uv_open_osfhandle", handle);
  if (descriptor < 0)
    throw new Error("cannot make a stream of a pipe: Node has no descriptor for its handle");
  try {
    return new Socket({ fd: descriptor, ...use });
  } catch (cause) {
    closeSync(descriptor);
    throw new Error("cannot make a stream of a pipe: Node does not take its handle", { cause });
  }
}
