/**
 * Sockets that Node has no name for (Hyper-V's, vsock), driven by libuv as its own are: it takes over any stream socket as one of
 * TCP. No public interface takes a socket of another family.
 */
import net from "node:net";

/** The part of Node's handles that is needed. */
export interface TcpHandle {
  /** Takes the socket over. @returns 0, or a negative error code of libuv, and then the socket is the caller's still */
  open(socket: number): number;
  close(): void;
}

/** `constants` of Node's binding: what the handle is for. */
const KIND = { connection: 0, listener: 1 } as const;

let TcpClass: (new (kind: number) => TcpHandle) | undefined;

/**
 * An unbound TCP handle. Node makes one for `net.Server` in a function that it exports for its own `cluster` module; the class of what
 * that returns is the one that `net.Socket` is built on.
 *
 * @returns undefined where this Node has no such function
 */
export function newTcpHandle(kind: keyof typeof KIND): TcpHandle | undefined {
  const { _createServerHandle: create } = net as unknown as {
    _createServerHandle?: (address: string, port: number, family: number) => unknown;
  };
  TcpClass ??= classOf(create);
  return TcpClass === undefined ? undefined : new TcpClass(KIND[kind]);
}

function classOf(
  create: ((address: string, port: number, family: number) => unknown) | undefined,
): (new (kind: number) => TcpHandle) | undefined {
  const sample = create?.("127.0.0.1", 0, 4);
  if (typeof sample !== "object" || sample === null || !("open" in sample)) return undefined;
  const { constructor } = sample;
  (sample as TcpHandle).close();
  return constructor as new (kind: number) => TcpHandle;
}
