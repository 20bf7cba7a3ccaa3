/** Connections that come before there is a server for them. What is sent on them meanwhile is kept by them. */
import type { Socket } from "node:net";
import type { Server } from "../ttrpc/index.ts";

export class EarlyConnections {
  readonly #early: Socket[] = [];
  #server: Server | undefined;

  /** Takes a connection, for whom to serve it is known later. */
  readonly accept = (socket: Socket): void => {
    if (this.#server !== undefined) {
      this.#server.handleConnection(socket);
      return;
    }
    // A connection that breaks is one that whoever serves it finds ended.
    socket.on("error", () => undefined);
    this.#early.push(socket);
  };

  /** Hands over what has come and what will come. */
  serveBy(server: Server): void {
    this.#server = server;
    for (const socket of this.#early.splice(0)) server.handleConnection(socket);
  }

  /** Nobody will serve them. */
  drop(): void {
    for (const socket of this.#early.splice(0)) socket.destroy();
  }
}
