/** Node has the descriptor of a socket, but no public name for it. */
import type { Socket } from "node:net";

/** @throws when the socket is closed; the text goes on after `what` */
export function descriptorOf(socket: Socket, what: string): number {
  const handle = (socket as unknown as { readonly _handle?: { readonly fd?: number } | null })._handle;
  if (handle?.fd === undefined || handle.fd < 0) throw new Error(`${what}: connection has no descriptor`);
  return handle.fd;
}
