/** What a Windows agent listens on: a Hyper-V socket. */
import type { HvSocket, HvSocketListener } from "../../../../hcs/api.ts";
import { VM_ID, vsockServiceId } from "../../../../hcs/schema/hv-socket.ts";
import { readPort, type Acceptor, type Listeners } from "../listen.ts";

/**
 * The service id is the one of a vsock port, as on Linux. From whatever partition: to a container in a VM the parent is the VM, not the
 * host. Who may connect is said in the VM's document.
 */
export function windowsListeners(hvSocket: HvSocket): Listeners {
  return {
    hyperv: async (port, acceptor) => {
      const serviceId = vsockServiceId(readPort(port));
      const listener = await hvSocket.listen({ vmId: VM_ID.zero, serviceId });
      const closing = new AbortController();
      void acceptAll(listener, acceptor, closing.signal);
      return {
        close: () => {
          closing.abort();
          void listener.close();
        },
      };
    },
  };
}

async function acceptAll(
  listener: HvSocketListener,
  acceptor: Acceptor,
  closing: AbortSignal,
): Promise<void> {
  try {
    for (;;) acceptor.onConnection(await listener.accept());
  } catch (error) {
    if (!closing.aborted) acceptor.onFailure(error);
  }
}
