/**
 * The connection of the process that made a container on the host to the guest agent around it. It is the protocol that
 * Windows VMs speak: a container on the host differs from one in a VM by what is around its agent, and by nothing else.
 */
import { randomUUID } from "node:crypto";
import type { CallOptions, HcsProcess, HvSocketListener } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { acceptOne } from "../../guest/accept.ts";
import { GuestConnection } from "../../guest/connection.ts";
import type { GuestContainer } from "../../guest/container.ts";
import {
  addNetworkNamespace,
  addWindowsNetworkAdapter,
  preAddWindowsNetworkAdapter,
} from "../../guest/modify.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { WindowsContainer } from "../../schema/container.ts";
import { WINDOWS_GUEST_SERVICE } from "../../schema/hv-socket.ts";
import type { ProcessParameters } from "../../schema/process.ts";
import type { EmulatedHvSocket } from "../hv-socket.ts";

const SCHEMA = { Major: 2, Minor: 1 };

export interface SessionInit {
  readonly id: string;
  readonly runtimeId: string;
  readonly hvSocket: EmulatedHvSocket;
  /** With the paths that the worker sees. */
  readonly container: WindowsContainer;
  /** Its network is an adapter of this id in a namespace of the container's document. */
  readonly adapterId: string | undefined;
}

export class ContainerSession {
  readonly #init: SessionInit;
  readonly #listener: HvSocketListener;
  readonly #processes = new Map<number, HcsProcess>();
  #connection: GuestConnection | undefined;
  #container: GuestContainer | undefined;

  private constructor(init: SessionInit, listener: HvSocketListener) {
    this.#init = init;
    this.#listener = listener;
  }

  /** Listens for the agent, which dials as soon as it is started. */
  static async prepare(init: SessionInit, options: CallOptions): Promise<ContainerSession> {
    const { runtimeId, hvSocket } = init;
    const address = { vmId: runtimeId, serviceId: WINDOWS_GUEST_SERVICE.bridge };
    return new ContainerSession(init, await hvSocket.listen(address, options));
  }

  /** Connects, and has the container made and started. */
  async start(options: CallOptions): Promise<void> {
    const { id, runtimeId, hvSocket, container, adapterId } = this.#init;
    const stream = await acceptOne(this.#listener, { guest: id, ...options });
    const connection = GuestConnection.open(stream, {
      os: "windows",
      name: id,
      listen: (serviceId, call) => hvSocket.listen({ vmId: runtimeId, serviceId }, call),
    });
    this.#connection = connection;
    await connection.negotiate(options);
    const namespace = container.Networking?.Namespace;
    if (namespace !== undefined && adapterId !== undefined) {
      await connection.modify(addNetworkNamespace({ ID: namespace }), options);
      await connection.modify(
        preAddWindowsNetworkAdapter(adapterId, { HostComputeNamespace: namespace }),
        options,
      );
      await connection.modify(addWindowsNetworkAdapter(adapterId), options);
    }
    this.#container = await connection.createContainer(
      id,
      { SchemaVersion: SCHEMA, Container: container },
      options,
    );
    await this.#container.start(options);
  }

  /** The container. @throws {HcsError} before it was started */
  container(operation: string): GuestContainer {
    if (this.#container !== undefined) return this.#container;
    const detail = "compute system has not been started";
    throw new HcsError({ operation, target: this.#init.id, hresult: HRESULT.invalidState, detail });
  }

  get isStarted(): boolean {
    return this.#container !== undefined;
  }

  async createProcess(
    operation: string,
    parameters: ProcessParameters,
    options: CallOptions,
  ): Promise<HcsProcess> {
    const process = await this.container(operation).createProcess(parameters, options);
    this.#processes.set(process.processId, process);
    return process;
  }

  /** A second handle to a process: closing it leaves the first one as it is. */
  openProcess(operation: string, processId: number): HcsProcess {
    const process = this.#processes.get(processId);
    if (process === undefined) {
      const detail = `process ${processId} was not created through this machine's compute service`;
      throw new HcsError({ operation, target: this.#init.id, hresult: HRESULT.elementNotFound, detail });
    }
    return {
      processId,
      stdio: {},
      exited: process.exited,
      signal: (signal, options) => process.signal(signal, options),
      terminate: (options) => process.terminate(options),
      resize: (size, options) => process.resize(size, options),
      closeStdin: (options) => process.closeStdin(options),
      close: () => Promise.resolve(),
    };
  }

  async close(): Promise<void> {
    await this.#listener.close();
    await this.#connection?.close();
  }
}

/** Id for the adapter of a container that has a network. */
export function newAdapterId(): string {
  return randomUUID();
}
