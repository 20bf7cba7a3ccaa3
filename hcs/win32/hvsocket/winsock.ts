/**
 * Sockets of Windows that Node has no name for, never waiting: each call answers at once, and what has to be waited for sets an event.
 */
import { HcsError } from "../../errors.ts";
import { hresultFromWin32 } from "../../hresult.ts";
import { Lane } from "../ffi/lane.ts";
import { WS2_32 } from "../ffi/libraries/ws2_32.ts";
import { Library } from "../ffi/library.ts";
import type { Attempt } from "../ffi/result.ts";
import type { NativeEvent } from "../ffi/watch.ts";
import type { Handle } from "../ffi/types.ts";
import type { SocketFamily } from "./family.ts";

const winsock = new Library(WS2_32, new Lane("sockets", 1));

const SOCK_STREAM = 1;
const WSA_FLAG_OVERLAPPED = 0x01;
const WSA_FLAG_NO_HANDLE_INHERIT = 0x80;
const INVALID_SOCKET = 0xffff_ffff_ffff_ffffn;
const BACKLOG = 128;
const SD_SEND = 1;
const LONGEST_SOCKADDR = 128;

/** Errors of Winsock that are answers, not failures. */
const WSAEWOULDBLOCK = 10035;
const WSAENETDOWN = 10050;
const WSAECONNREFUSED = 10061;

/** FD_*: what sets a socket's event. */
const EVENTS = { read: 0x01, write: 0x02, accept: 0x08, connect: 0x10, close: 0x20 } as const;
export type SocketEvent = keyof typeof EVENTS;

/** WSANETWORKEVENTS: long lNetworkEvents 0, int iErrorCode[FD_MAX_EVENTS] 4; by the number of the event's bit. */
const NETWORK_EVENTS = { bytes: 44, connectError: 4 + 4 * 4 } as const;

let started = false;

/** What a call answers that would have had to wait. */
export const WOULD_BLOCK: unique symbol = Symbol("would block");

/** A socket of this file's making, before Node has it. */
export class RawSocket {
  readonly handle: Handle;
  #closed = false;

  private constructor(handle: Handle) {
    this.handle = handle;
  }

  /** @throws {HcsError} */
  static open({ family, protocol, options }: SocketFamily, attempt: Attempt): RawSocket {
    start();
    const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
    const handle = winsock.call("WSASocketW", family, SOCK_STREAM, protocol, null, 0, flags);
    if (isInvalid(handle)) throw failure(attempt);
    const socket = new RawSocket(handle);
    try {
      for (const { level, name, value } of options) socket.#setOption(level, name, value, attempt);
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }

  /** @returns the address that it is bound to, as the system has it */
  listen(address: Uint8Array, attempt: Attempt): Uint8Array {
    required(winsock.call("bind", this.handle, address, address.length), attempt);
    required(winsock.call("listen", this.handle, BACKLOG), attempt);
    const bound = Buffer.alloc(LONGEST_SOCKADDR);
    const length = Buffer.alloc(4);
    length.writeInt32LE(bound.length);
    required(winsock.call("getsockname", this.handle, bound, length), attempt);
    return bound.subarray(0, length.readInt32LE());
  }

  /** The next connection, undefined when there is none yet. */
  accept(attempt: Attempt): RawSocket | undefined {
    const handle = winsock.call("accept", this.handle, null, null);
    if (!isInvalid(handle)) {
      const socket = new RawSocket(handle);
      // It comes with the listener's event.
      socket.stopEvents();
      return socket;
    }
    if (lastError() === WSAEWOULDBLOCK) return undefined;
    throw failure(attempt);
  }

  /** Begins to connect; event `connect` tells how it went. */
  connect(address: Uint8Array, attempt: Attempt): void {
    if (winsock.call("connect", this.handle, address, address.length) === 0) return;
    const error = lastError();
    if (error !== WSAEWOULDBLOCK) throw failure(attempt, error);
  }

  /** @throws {HcsError} when the connection was not made */
  requireConnected(event: NativeEvent, attempt: Attempt): void {
    const events = Buffer.alloc(NETWORK_EVENTS.bytes);
    required(winsock.call("WSAEnumNetworkEvents", this.handle, event.handle, events), attempt);
    const error = events.readInt32LE(NETWORK_EVENTS.connectError);
    if (error !== 0) throw failure(attempt, error);
  }

  /** From now on these set the event, and no call waits. */
  select(event: NativeEvent, which: readonly SocketEvent[], attempt: Attempt): void {
    const mask = which.reduce((bits, name) => bits | EVENTS[name], 0);
    required(winsock.call("WSAEventSelect", this.handle, event.handle, mask), attempt);
  }

  stopEvents(): void {
    winsock.call("WSAEventSelect", this.handle, 0, 0);
  }

  /** @returns how many bytes came; 0 at the end of the stream */
  receive(into: Uint8Array, attempt: Attempt): number | typeof WOULD_BLOCK {
    return transferred(winsock.call("recv", this.handle, into, into.length, 0), attempt);
  }

  /** @returns how many bytes went */
  send(bytes: Uint8Array, attempt: Attempt): number | typeof WOULD_BLOCK {
    return transferred(winsock.call("send", this.handle, bytes, bytes.length, 0), attempt);
  }

  /** The other side reads the end of the stream. */
  endSending(attempt: Attempt): void {
    required(winsock.call("shutdown", this.handle, SD_SEND), attempt);
  }

  /** Idempotent. Not for a socket that Node has taken over. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    winsock.call("closesocket", this.handle);
  }

  /** Somebody else closes it from now on. */
  disown(): void {
    this.#closed = true;
  }

  #setOption(level: number, name: number, value: number, attempt: Attempt): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    required(winsock.call("setsockopt", this.handle, level, name, bytes, bytes.length), attempt);
  }
}

function start(): void {
  if (started) return;
  // Found before anything can fail: looking for a function may itself change the last error.
  winsock.has("WSAGetLastError");
  const VERSION_2_2 = 0x0202;
  const WSADATA_BYTES = 408;
  const error = winsock.call("WSAStartup", VERSION_2_2, Buffer.alloc(WSADATA_BYTES));
  if (error !== 0) throw failure({ operation: "start Winsock" }, error);
  started = true;
}

function isInvalid(handle: Handle): boolean {
  return BigInt(handle) === INVALID_SOCKET;
}

/** Of the call before, on this thread. */
function lastError(): number {
  return winsock.call("WSAGetLastError");
}

function required(result: number, attempt: Attempt): void {
  if (result !== 0) throw failure(attempt);
}

function transferred(result: number, attempt: Attempt): number | typeof WOULD_BLOCK {
  if (result >= 0) return result;
  const error = lastError();
  if (error === WSAEWOULDBLOCK) return WOULD_BLOCK;
  throw failure(attempt, error);
}

/** What can be done about errors that people meet. */
const DETAIL: Readonly<Record<number, string>> = {
  10013: "access is denied: the service table of the VM's document does not let this host do that",
  10047: "this Windows has no Hyper-V sockets: install the Hyper-V feature",
  10048: "somebody listens there already",
  10049: "there is no such VM to listen for",
  10051: "there is no VM with this runtime id",
  [WSAENETDOWN]: "the hypervisor is not running",
  10060: "nobody accepted the connection in time",
  [WSAECONNREFUSED]: "nobody listens there",
};

function failure(attempt: Attempt, error: number = lastError()): HcsError {
  const detail = DETAIL[error];
  const hresult = hresultFromWin32(error);
  return new HcsError({ ...attempt, hresult, ...(detail === undefined ? {} : { detail }) });
}

export function refused(attempt: Attempt): HcsError {
  return failure(attempt, WSAECONNREFUSED);
}
