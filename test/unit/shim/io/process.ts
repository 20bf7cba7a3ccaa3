/** A process as the relay sees it, for these tests: unix sockets, of which the test holds the other ends. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { RelayedProcess } from "../../../../shim/io/relay.ts";
import type { Workbench } from "./client.ts";

export interface GuestSide {
  readonly stdin?: Socket;
  readonly stdout?: Socket;
  readonly stderr?: Socket;
}

/** Both sides of a process's stdio. */
export class FakeProcess implements RelayedProcess {
  readonly stdio: RelayedProcess["stdio"];
  /** The ends a guest would hold. */
  readonly guest: GuestSide;
  /** How often stdin was asked to be closed. */
  stdinCloses = 0;
  /** What closing stdin fails with. */
  stdinCloseError: Error | undefined;

  static async make(bench: Workbench, ...names: (keyof GuestSide)[]): Promise<FakeProcess> {
    const host: Record<string, Socket> = {};
    const guest: Record<string, Socket> = {};
    for (const name of names) [host[name], guest[name]] = await socketPair(join(bench.path, `${name}.sock`));
    return new FakeProcess(host, guest);
  }

  constructor(stdio: RelayedProcess["stdio"], guest: GuestSide = {}) {
    this.stdio = stdio;
    this.guest = guest;
  }

  async closeStdin(): Promise<void> {
    this.stdinCloses += 1;
    if (this.stdinCloseError !== undefined) throw this.stdinCloseError;
    this.stdio.stdin?.end();
  }

  /** What the owner of a process does in the end. */
  close(): void {
    for (const socket of [this.stdio, this.guest].flatMap((side) => Object.values(side) as Socket[]))
      socket.destroy();
  }
}

/** Two ends of a unix socket. Neither ends by itself when the other does. */
async function socketPair(path: string): Promise<[host: Socket, guest: Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(path);
  await once(server, "listening");
  const host = connect({ path, allowHalfOpen: true });
  const connected = once(host, "connect");
  const [guest] = (await once(server, "connection")) as [Socket];
  await connected;
  server.close();
  for (const socket of [host, guest]) socket.on("error", () => undefined);
  return [host, guest];
}
