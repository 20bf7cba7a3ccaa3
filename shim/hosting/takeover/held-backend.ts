/**
 * A backend whose compute systems and connections from guests are held by the keeper, too: a system ends with its last handle,
 * a process in it with the streams it writes to. For a pod that is taken over, the connections are those that were held.
 */
import { duplexPair, type Duplex } from "node:stream";
import { Socket } from "node:net";
import type { ComputeSystem, HcsBackend, HvSocketListener } from "../../../hcs/api.ts";
import { overriding } from "../../../hcs/overriding.ts";
import { LINUX_GUEST_PORT, vsockPort } from "../../../hcs/schema/hv-socket.ts";
import type { Handle, PodHolder } from "./holder.ts";

/** What was held for a process that died. */
export interface HeldStreams {
  /** Connections, by name. Whoever uses one takes it out. */
  readonly handles: Map<string, Handle>;
  /** First port that process had not used: a stream at an earlier one that is not held has ended. */
  readonly nextPort: number;
}

/** A socket on a handle that came from another process. */
export function socketOn(handle: Handle): Socket {
  return new Socket({ handle, allowHalfOpen: true, readable: true, writable: true } as never);
}

/** @param held of the process that died; absent where none did */
export function heldBackend(backend: HcsBackend, holder: PodHolder, held?: HeldStreams): HcsBackend {
  const keepAlive = async (system: ComputeSystem): Promise<ComputeSystem> => {
    const connection = await system.connectHandle?.();
    if (!(connection instanceof Socket)) return system;
    const name = `system:${process.pid}:${system.id}`;
    holder.give(name, connection);
    void system.exited.then(() => holder.drop(name));
    return system;
  };
  const { computeSystems, hvSocket } = backend;
  return overriding(backend, {
    computeSystems: overriding(computeSystems, {
      create: async (...call) => keepAlive(await computeSystems.create(...call)),
      open: async (...call) => keepAlive(await computeSystems.open(...call)),
    }),
    hvSocket: overriding(hvSocket, {
      listen: async (address, options) => {
        const port = vsockPort(address.serviceId);
        if (port === undefined || port < LINUX_GUEST_PORT.firstStdio)
          return hvSocket.listen(address, options);
        const name = `stream:${address.vmId}/${address.serviceId}`;
        const hold = (stream: Duplex): Duplex => {
          holder.hold(name, stream);
          return stream;
        };
        if (held !== undefined && port < held.nextPort) {
          const earlier = held.handles.get(name);
          held.handles.delete(name);
          return dialled(earlier === undefined ? endedStream() : hold(socketOn(earlier)));
        }
        const listener = await hvSocket.listen(address, options);
        return overriding(listener, { accept: async (call) => hold(await listener.accept(call)) });
      },
    }),
  });
}

function dialled(stream: Duplex): HvSocketListener {
  return { accept: () => Promise.resolve(stream), close: () => Promise.resolve() };
}

function endedStream(): Duplex {
  const [ours, theirs] = duplexPair();
  theirs.resume();
  theirs.end();
  return ours;
}
