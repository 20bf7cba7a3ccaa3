/** What a Linux agent listens on: a vsock in a VM, or the unix socket that stands in for it in the emulator. */
import { closeSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { listenSocket, vsockAddress } from "../../../../hcs/posix/libc.ts";
import { newTcpHandle } from "../../../../hcs/tcp-handle.ts";
import { AgentError } from "../../protocol/errors.ts";
import { readPort, type Acceptor, type Listeners } from "../listen.ts";

const BACKLOG = 128;

export const LINUX_LISTENERS: Listeners = {
  unix: async (path, acceptor) => {
    // What an agent before this one has left.
    rmSync(path, { force: true });
    const server = serverOf(acceptor);
    await started(server, acceptor, () => server.listen(path));
    return server;
  },
  vsock: (port, acceptor) => listenBySocket(vsockAddress(readPort(port)), acceptor),
};

/** By a socket of any family. @param address `struct sockaddr` */
export async function listenBySocket(address: Buffer, acceptor: Acceptor): Promise<Server> {
  const socket = listenSocket(address, BACKLOG);
  const handle = newTcpHandle("listener");
  if (handle === undefined || handle.open(socket) !== 0) {
    handle?.close();
    closeSync(socket);
    throw new AgentError("failed precondition", `this Node (${process.version}) takes over no sockets`);
  }
  const server = serverOf(acceptor);
  await started(server, acceptor, () => server.listen(handle));
  return server;
}

/** HTTP/2 has no half of a connection: a caller whose end is gone is gone. */
function serverOf({ onConnection }: Acceptor): Server {
  return createServer({ allowHalfOpen: false }, onConnection);
}

async function started(server: Server, { onFailure }: Acceptor, listen: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    listen();
  });
  server.on("error", onFailure);
}
