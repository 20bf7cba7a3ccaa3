/** Where an agent listens: a Hyper-V socket, a vsock, or the unix socket that stands in for them. */
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { AgentError } from "../protocol/errors.ts";

export interface Listening {
  close(): void;
}

/** A way to listen. @param where what follows the scheme */
type Listener = (where: string, onConnection: (socket: Socket) => void) => Promise<Listening>;

const LISTENERS: Readonly<Record<string, Listener>> = {
  unix: async (path, onConnection) => {
    // What an agent before this one has left.
    rmSync(path, { force: true });
    // HTTP/2 has no half of a connection: a caller whose end is gone is gone.
    const server = createServer({ allowHalfOpen: false }, onConnection);
    await listening(server, path);
    return server;
  },
};

/** @param address `unix:PATH` */
export async function listenOn(address: string, onConnection: (socket: Socket) => void): Promise<Listening> {
  const [scheme = "", ...rest] = address.split(":");
  const listener = Object.hasOwn(LISTENERS, scheme) ? LISTENERS[scheme] : undefined;
  if (listener === undefined)
    throw new AgentError(
      "invalid argument",
      `cannot listen on "${address}": it must begin with one of ${Object.keys(LISTENERS).join(", ")}`,
    );
  return listener(rest.join(":"), onConnection);
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
