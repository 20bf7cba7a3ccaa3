/** A pipe between this process and one it starts: our end is a stream, the other's a handle that it inherits. */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { Lane } from "../ffi/lane.ts";
import { lastError } from "../ffi/last-error.ts";
import { KERNEL32_FILES } from "../ffi/libraries/kernel32-files.ts";
import { PIPES } from "../ffi/libraries/pipes.ts";
import { Library } from "../ffi/library.ts";
import { win32Failure } from "../ffi/result.ts";
import type { Handle } from "../ffi/types.ts";
import { adoptPipe } from "./adopt.ts";

const lane = new Lane("pipe pairs", 1);
const pipes = new Library(PIPES, lane);
const files = new Library(KERNEL32_FILES, lane);

/** PIPE_ACCESS_* of our end, and GENERIC_* of the other's. */
const DIRECTIONS = {
  toProcess: { ours: 0x2, theirs: 0x8000_0000, use: { readable: false, writable: true } },
  fromProcess: { ours: 0x1, theirs: 0x4000_0000, use: { readable: true, writable: false } },
} as const;

export type PipeDirection = keyof typeof DIRECTIONS;

const FILE_FLAG_OVERLAPPED = 0x4000_0000;
const FILE_FLAG_FIRST_PIPE_INSTANCE = 0x8_0000;
const PIPE_REJECT_REMOTE_CLIENTS = 0x8;
const ONE_INSTANCE = 1;
const BUFFER_BYTES = 65_536;
const OPEN_EXISTING = 3;
const INVALID_HANDLE = 0xffff_ffff_ffff_ffffn;

export interface PipePair {
  readonly stream: Socket;
  /** For a process; to be closed when the process has been started. It does not inherit it unless told to. */
  readonly handle: Handle;
}

/**
 * Not CreatePipe, whose ends cannot be used without waiting. The name is nobody else's to guess, and has room for one client.
 *
 * @throws {HcsError}
 */
export function createPipePair(direction: PipeDirection): PipePair {
  const { ours, theirs, use } = DIRECTIONS[direction];
  const name = `\\\\.\\pipe\\runhcs-stdio-${randomUUID()}`;
  const attempt = { operation: "create pipe", target: name };
  const server = pipes.call(
    "CreateNamedPipeW",
    name,
    ours | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
    PIPE_REJECT_REMOTE_CLIENTS,
    ONE_INSTANCE,
    BUFFER_BYTES,
    BUFFER_BYTES,
    0,
    0,
  );
  if (BigInt(server) === INVALID_HANDLE) throw win32Failure(lastError(), attempt);
  // Synchronous, as programs expect of their streams.
  const handle = files.call("CreateFileW", name, theirs, 0, null, OPEN_EXISTING, 0, 0);
  if (BigInt(handle) === INVALID_HANDLE) {
    const error = lastError();
    pipes.call("CloseHandle", server);
    throw win32Failure(error, attempt);
  }
  try {
    return { stream: adoptPipe(server, use), handle };
  } catch (error) {
    pipes.call("CloseHandle", handle);
    throw error;
  }
}
