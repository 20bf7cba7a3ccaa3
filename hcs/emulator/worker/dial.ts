/** Connecting to the host's Hyper-V sockets: unix sockets named by service id. */
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { vsockServiceId } from "../../schema/hv-socket.ts";
import type { Dial } from "../guest/stdio-ports.ts";

export function dialIn(directory: string): Dial {
  return (port) => dialService(directory, vsockServiceId(port));
}

export function dialService(directory: string, serviceId: string): Promise<Socket> {
  return new Promise<Socket>((resolve, reject) => {
    const socket = connect({ path: join(directory, serviceId), allowHalfOpen: true });
    // Connected sockets may be handed to a process as they are: nothing may be read from them before.
    socket.pause();
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
