/** Where an agent listens, by the scheme of an address: each system has its own. */
import type { Duplex } from "node:stream";
import { AgentError } from "../protocol/errors.ts";

export interface Listening {
  close(): void;
}

export interface Acceptor {
  readonly onConnection: (connection: Duplex) => void;
  /** Nobody can connect any more. */
  readonly onFailure: (error: unknown) => void;
}

/** By scheme. The listener is there when it resolves. @param where what follows the scheme */
export type Listeners = Readonly<Record<string, (where: string, acceptor: Acceptor) => Promise<Listening>>>;

/** @param address `SCHEME:WHERE` @throws {AgentError} for a scheme that this system does not have */
export async function listenOn(
  address: string,
  listeners: Listeners,
  acceptor: Acceptor,
): Promise<Listening> {
  const [scheme = "", ...rest] = address.split(":");
  const listener = Object.hasOwn(listeners, scheme) ? listeners[scheme] : undefined;
  if (listener === undefined)
    throw new AgentError(
      "invalid argument",
      `cannot listen on "${address}": it must begin with one of ${Object.keys(listeners).join(", ")}`,
    );
  return listener(rest.join(":"), acceptor);
}

/** @throws {AgentError} for what is no number of a vsock port */
export function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 0xffff_ffff) return port;
  throw new AgentError("invalid argument", `cannot listen on port "${text}": it must be a number of 32 bits`);
}
