/**
 * The socket over which runc hands out the master side of a container's terminal (`--console-socket`): it
 * connects once and sends the descriptor as ancillary data.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createDeferred } from "../../deferred.ts";
import { receiveDescriptor } from "../../posix/libc.ts";
import { descriptorOf } from "../socket-descriptor.ts";

export class ConsoleSocket {
  readonly #server: Server;
  readonly #connection = createDeferred<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.once("connection", (socket) => this.#connection.resolve(socket));
  }

  static async listen(path: string): Promise<ConsoleSocket> {
    // Paused: an ordinary read would throw the descriptor away.
    const server = createServer({ pauseOnConnect: true });
    const socket = new ConsoleSocket(server);
    server.listen(path);
    await once(server, "listening");
    return socket;
  }

  /** The descriptor of the master side. To be called once runc has succeeded: then it has connected and sent. */
  async receive(): Promise<number> {
    const connection = await this.#connection.promise;
    const master = receiveDescriptor(descriptorOf(connection, "cannot receive terminal"));
    if (master === undefined) throw new Error("cannot receive terminal: runc sent none");
    return master;
  }

  close(): void {
    this.#server.close();
    void this.#connection.promise.then((connection) => connection.destroy());
  }
}
