/** Makes a connected socket of Windows a stream of Node. */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { newTcpHandle } from "../../tcp-handle.ts";
import type { Attempt } from "../ffi/result.ts";
import { EventStream } from "./event-stream.ts";
import type { RawSocket } from "./winsock.ts";

/**
 * - `adopt`: libuv takes the socket over and drives it by its completion port, as it does sockets of its own
 * - `events`: the socket is read and written here, when its event says so; slower, for where libuv refuses
 */
export type StreamKind = "adopt" | "events";

/** Takes the socket over, in whichever way works. It is closed with the stream, and when there is none. */
export function streamOf(socket: RawSocket, attempt: Attempt, kind: StreamKind = "adopt"): Duplex {
  try {
    return (kind === "adopt" ? adopt(socket) : undefined) ?? new EventStream(socket, attempt);
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Undefined when libuv does not take it: then the socket is ours still. */
function adopt(socket: RawSocket): Duplex | undefined {
  const handle = newTcpHandle("connection");
  if (handle === undefined) return undefined;
  if (handle.open(Number(socket.handle)) !== 0) {
    handle.close();
    return undefined;
  }
  socket.disown();
  const options = { handle, allowHalfOpen: true, readable: true, writable: true };
  return new Socket(options);
}
