/** Hyper-V sockets over unix sockets in a private directory, as small as tests of one connection need them. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallOptions, HvSocketListener } from "../../../../hcs/api.ts";
import { vsockServiceId } from "../../../../hcs/schema/hv-socket.ts";

/** Resolves when the other side of `socket` has ended its half, or the whole connection in whatever way. */
export async function hungUp(socket: Socket): Promise<void> {
  socket.resume();
  if (socket.readableEnded || socket.closed) return;
  await new Promise<void>((resolve) => {
    socket.once("end", resolve);
    socket.once("close", () => resolve());
  });
}

export class TestSockets {
  readonly #directory: string = mkdtempSync(join(tmpdir(), "guest-"));
  readonly #servers: Map<string, Server> = new Map();
  readonly #sockets: Set<Socket> = new Set();
  /** Every service id that was ever listened on, in order. */
  readonly listenedOn: string[] = [];
  /** Makes the n-th (from 0) and later calls of {@link listen} fail. */
  failListenFrom: number = Infinity;

  /** Service ids that have a listener now. */
  get open(): string[] {
    return [...this.#servers.keys()];
  }

  readonly listen = async (serviceId: string, options: CallOptions = {}): Promise<HvSocketListener> => {
    options.signal?.throwIfAborted();
    if (this.listenedOn.length >= this.failListenFrom) throw new Error(`cannot listen on ${serviceId}`);
    this.listenedOn.push(serviceId);
    const waiting: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#track(socket);
      waiting.push(socket);
      server.emit("accepted");
    });
    server.listen(this.#path(serviceId));
    await once(server, "listening");
    this.#servers.set(serviceId, server);
    const closed = new AbortController();
    return {
      accept: async (call: CallOptions = {}): Promise<Socket> => {
        const signals = [closed.signal, ...(call.signal === undefined ? [] : [call.signal])];
        while (waiting.length === 0) await once(server, "accepted", { signal: AbortSignal.any(signals) });
        return waiting.shift()!;
      },
      close: async () => {
        if (this.#servers.get(serviceId) !== server) return;
        this.#servers.delete(serviceId);
        closed.abort();
        for (const socket of waiting.splice(0)) socket.destroy();
        // The callback of close waits for connections, which live on.
        server.close();
      },
    };
  };

  /** The guest dials a stdio port of the host. */
  async dial(port: number): Promise<Socket> {
    const socket = connect({ path: this.#path(vsockServiceId(port)), allowHalfOpen: true });
    this.#track(socket);
    await once(socket, "connect");
    return socket;
  }

  /** Two connected sockets: host side, guest side. */
  async pair(): Promise<{ host: Socket; guest: Socket }> {
    const port = 0x4000_0000;
    const listener = await this.listen(vsockServiceId(port));
    const [guest, host] = await Promise.all([this.dial(port), listener.accept()]);
    await listener.close();
    this.listenedOn.pop();
    return { host: host as Socket, guest };
  }

  async dispose(): Promise<void> {
    for (const server of this.#servers.values()) server.close();
    for (const socket of this.#sockets) socket.destroy();
    for (const socket of this.#sockets) if (!socket.closed) await once(socket, "close");
    rmSync(this.#directory, { recursive: true });
  }

  #path(serviceId: string): string {
    return join(this.#directory, serviceId.slice(0, 8));
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    // A peer that resets is part of what tests do.
    socket.on("error", () => undefined);
  }
}
