/** Hyper-V sockets as unix sockets: the service of a VM is a socket file in the VM's directory. */
import { existsSync, readdirSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { basename, dirname, join } from "node:path";
import type {
  CallOptions,
  HvSocket,
  HvSocketAddress,
  HvSocketContainer,
  HvSocketListener,
  HvSocketRegistration,
} from "../api.ts";
import { AcceptQueue } from "../accept-queue.ts";
import { HcsError } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import { hresultFromWin32 } from "../hresult.ts";
import { reuseReads } from "../reused-reads.ts";
import type { Calls } from "./calls.ts";
import { isContainerSocketsName } from "./hv-socket-names.ts";
import { isGuid } from "./guid.ts";
import { connectSocketFile } from "./socket-file.ts";
import { socketsDirectory } from "./systems/state-directory.ts";

const WSAEADDRNOTAVAIL = 10049;
const WSAENETUNREACH = 10051;
const WSAECONNREFUSED = 10061;

export class EmulatedHvSocket implements HvSocket {
  readonly #calls: Calls;
  readonly #stateDirectory: string;
  readonly #listeners = new Set<EmulatedListener>();

  constructor(calls: Calls, stateDirectory: string) {
    this.#calls = calls;
    this.#stateDirectory = stateDirectory;
  }

  /** Fails with WSAEADDRNOTAVAIL when there is no such VM, with WSAEADDRINUSE when somebody listens already. */
  listen(address: HvSocketAddress, options: CallOptions = {}): Promise<HvSocketListener> {
    const call = { phrase: "listen on", target: describe(address), runtimeId: address.vmId, ...options };
    return this.#calls.run("hvSocket.listen", call, async () => {
      const path = this.#path(address, call.phrase, WSAEADDRNOTAVAIL);
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(path, resolve);
      });
      const listener = new EmulatedListener(address, server, this.#calls, () =>
        this.#listeners.delete(listener),
      );
      this.#listeners.add(listener);
      return listener;
    });
  }

  /** Sockets are found by their path here, whoever is inside the VM: nothing has to be redirected. */
  registerContainer(container: HvSocketContainer, options: CallOptions = {}): Promise<HvSocketRegistration> {
    const { vmId, systemId } = container;
    const call = { phrase: "register container", target: systemId, runtimeId: vmId, ...options };
    return this.#calls.run("hvSocket.registerContainer", call, () => ({ close: () => Promise.resolve() }));
  }

  /** Fails with WSAENETUNREACH when there is no such VM, with WSAECONNREFUSED when nobody in it listens. */
  connect(address: HvSocketAddress, options: CallOptions = {}): Promise<Duplex> {
    const target = describe(address);
    const call = { phrase: "connect to", target, runtimeId: address.vmId, ...options };
    return this.#calls.run("hvSocket.connect", call, async () => {
      const path = this.#path(address, call.phrase, WSAENETUNREACH);
      for (const each of [path, ...containerPaths(path)]) {
        const socket = await connectSocketFile(each, options.signal);
        if (socket !== undefined) return socket;
      }
      throw refused(call.phrase, target, WSAECONNREFUSED, "nobody listens there");
    });
  }

  /** Resets accepted connections: of one VM or of all. */
  disconnect(vmId: string | undefined, serviceId: string): void {
    for (const listener of this.#listeners) {
      const { address } = listener;
      if ((vmId === undefined || address.vmId === vmId) && address.serviceId === serviceId)
        listener.disconnect();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
  }

  #path(address: HvSocketAddress, phrase: string, noVm: number): string {
    const target = describe(address);
    const wrong = [address.vmId, address.serviceId].find((id) => !isGuid(id));
    if (wrong !== undefined) {
      const detail = `"${wrong}" is not a lower-case GUID`;
      throw new HcsError({ operation: phrase, target, hresult: HRESULT.invalidArgument, detail });
    }
    const directory = socketsDirectory(this.#stateDirectory, address.vmId);
    if (!existsSync(directory)) throw refused(phrase, target, noVm, "there is no VM with this runtime id");
    return join(directory, address.serviceId);
  }
}

/** Where containers of the VM would listen on the same service as the host at `path`. */
function containerPaths(path: string): string[] {
  const directory = dirname(path);
  return readdirSync(directory)
    .filter(isContainerSocketsName)
    .map((name) => join(directory, name, basename(path)));
}

function refused(operation: string, target: string, winsock: number, detail: string): HcsError {
  return new HcsError({ operation, target, hresult: hresultFromWin32(winsock), detail });
}

function describe({ vmId, serviceId }: HvSocketAddress): string {
  return `${vmId}/${serviceId}`;
}

class EmulatedListener implements HvSocketListener {
  readonly address: HvSocketAddress;
  readonly #server: Server;
  readonly #calls: Calls;
  readonly #onClosed: () => void;
  readonly #connections = new AcceptQueue<Socket>((socket) => socket.destroy());
  readonly #accepted = new Set<Socket>();
  #closed: Promise<void> | undefined;

  constructor(address: HvSocketAddress, server: Server, calls: Calls, onClosed: () => void) {
    this.address = address;
    this.#server = server;
    this.#calls = calls;
    this.#onClosed = onClosed;
    server.on("connection", (socket) => this.#arrive(socket));
    server.on("error", (error) => this.#connections.end(error));
  }

  accept(options: CallOptions = {}): Promise<Duplex> {
    const { vmId } = this.address;
    const call = { phrase: "accept on", target: describe(this.address), runtimeId: vmId, ...options };
    return this.#calls.run("hvSocket.accept", call, async () => {
      const arrived = await this.#connections.next(options.signal);
      arrived.off("error", ignore);
      const socket = reuseReads(arrived);
      if (socket === arrived) unpause(socket);
      this.#accepted.add(socket);
      socket.once("close", () => this.#accepted.delete(socket));
      return socket;
    });
  }

  /** A connection that breaks before it is accepted is accepted as a broken one, as on Windows. */
  #arrive(socket: Socket): void {
    this.#connections.deliver(socket.on("error", ignore));
  }

  disconnect(): void {
    for (const socket of this.#accepted) {
      socket.destroy(
        Object.assign(new Error("connection reset by a scripted fault"), { code: "ECONNRESET" }),
      );
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#connections.end(this.#closedError());
    this.#onClosed();
    // Resolves without waiting for accepted connections: they belong to whoever accepted them.
    this.#server.close();
    return Promise.resolve();
  }

  #closedError(): HcsError {
    const target = describe(this.address);
    return new HcsError({
      operation: "accept on",
      target,
      hresult: HRESULT.aborted,
      detail: "the listener is closed",
    });
  }
}

function ignore(): void {}

/**
 * Nothing is read from a connection before it is accepted: a socket that meets the end of its stream says so at once,
 * also when nobody listens yet. Here it becomes what it would have been without the pause: reading, not flowing.
 */
function unpause(socket: { readableFlowing: boolean | null; read(size: number): unknown }): void {
  socket.readableFlowing = null;
  socket.read(0);
}
