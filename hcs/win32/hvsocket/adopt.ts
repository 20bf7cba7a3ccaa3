/** Makes a connected socket of Windows a stream of Node. */
import net, { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Attempt } from "../ffi/result.ts";
import { EventStream } from "./event-stream.ts";
import type { RawSocket } from "./winsock.ts";

/**
 * - `adopt`: libuv takes the socket over and drives it by its completion port, as it does sockets of its own
 * - `events`: the socket is read and written here, when its event says so; slower, for where libuv refuses
 */
export type StreamKind = "adopt" | "events";

/** The part of Node's handles that is needed: no public interface takes a SOCKET. */
interface TcpHandle {
  open(socket: number): number;
  close(): void;
}

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
  const handle = newTcpHandle();
  if (handle === undefined) return undefined;
  if (handle.open(Number(socket.handle)) !== 0) {
    handle.close();
    return undefined;
  }
  socket.disown();
  const options = { handle, allowHalfOpen: true, readable: true, writable: true };
  return new Socket(options);
}

/**
 * An unbound TCP handle. Node makes one for `net.Server` in a function that it exports for its own `cluster` module; the class of what
 * that returns is the one that `net.Socket` is built on.
 */
function newTcpHandle(): TcpHandle | undefined {
  const { _createServerHandle: create } = net as unknown as {
    _createServerHandle?: (address: string, port: number, family: number) => unknown;
  };
  TcpClass ??= classOf(create);
  return TcpClass === undefined ? undefined : new TcpClass(TCP_SOCKET);
}

/** `constants.SOCKET` of Node's binding: a connection, not a server. */
const TCP_SOCKET = 0;
let TcpClass: (new (type: number) => TcpHandle) | undefined;

function classOf(
  create: ((address: string, port: number, family: number) => unknown) | undefined,
): (new (type: number) => TcpHandle) | undefined {
  const sample = create?.("127.0.0.1", 0, 4);
  if (typeof sample !== "object" || sample === null || !("open" in sample)) return undefined;
  const { constructor } = sample;
  (sample as TcpHandle).close();
  return constructor as new (type: number) => TcpHandle;
}
