/** A container inside the guest. */
import type { CallOptions, HcsProcess, SignalOutcome, StdioPorts } from "../api.ts";
import { HcsError } from "../errors.ts";
import { isAlreadyStopped, isConnectionLost, isNotFound } from "../hresult.ts";
import { stringifyJson } from "../json.ts";
import type { ProcessParameters } from "../schema/process.ts";
import type { PropertyQuery } from "../schema/properties.ts";
import { createDeferred, type Deferred } from "../deferred.ts";
import { describeCall, protocolError } from "./errors.ts";
import { adoptGuestProcess, createGuestProcess, type ProcessHost } from "./process.ts";
import type { GuestProperties } from "./properties.ts";
import type { ContainerConstraints, WindowsContainerModifyRequest } from "./resources.ts";
import { updateContainerConstraints } from "./modify.ts";
import { readGuestProperties } from "./responses.ts";
import { isMalformed } from "./shape.ts";

/**
 * How a container ended. The first three are the guest's word; a Linux guest says `UnexpectedExit` of every
 * ordinary exit. `Deleted`: its state was deleted without an exit having been reported, as guests do not
 * report one unless somebody has waited for the init process. `ConnectionLost`: nobody will ever report it.
 */
export type ContainerExitType =
  "GracefulExit" | "ForcedExit" | "UnexpectedExit" | "Deleted" | "ConnectionLost";

export interface ContainerExit {
  readonly type: ContainerExitType;
}

/** Messages that carry the container's id and nothing else. */
type PlainMessage = "Start" | "ShutdownGraceful" | "ShutdownForced" | "DeleteContainerState";

/** What a container needs of its connection. */
export interface ContainerHost extends ProcessHost {
  /** The guest has `DeleteContainerState`. */
  readonly canDeleteState: () => boolean;
  /** The container's id can be used again. */
  readonly forget: (container: GuestContainer) => void;
}

/** Made by `GuestConnection.createContainer`. */
export class GuestContainer {
  readonly id: string;
  /** Settles once, when the container has ended in whatever way. Never rejects. */
  readonly exited: Promise<ContainerExit>;
  readonly #host: ContainerHost;
  readonly #exited: Deferred<ContainerExit> = createDeferred();

  constructor(host: ContainerHost, id: string) {
    this.id = id;
    this.#host = host;
    this.exited = this.#exited.promise;
  }

  /** The connection's word that the container has ended; its id is free from now on. */
  settle(exit: ContainerExit): void {
    this.#host.forget(this);
    this.#exited.resolve(exit);
  }

  /** Windows: starts the silo. Linux: does nothing, also for a container that does not exist. */
  async start(options: CallOptions = {}): Promise<void> {
    await this.#request("Start", options);
  }

  /** Linux: parameters without `OciProcess` start the init process, once per container. */
  async createProcess(parameters: ProcessParameters, options: CallOptions = {}): Promise<HcsProcess> {
    return createGuestProcess(this.#host, this.id, parameters, options);
  }

  /** A process that is there already: its exit, and what it still writes. */
  adoptProcess(processId: number, ports: StdioPorts): Promise<HcsProcess> {
    return adoptGuestProcess(this.#host, this.id, processId, ports);
  }

  async properties(query: PropertyQuery, options: CallOptions = {}): Promise<GuestProperties> {
    const body = { ContainerId: this.id, Query: stringifyJson(query) };
    const { bridge } = this.#host;
    const { Properties } = await bridge.request("GetProperties", body, options);
    try {
      return readGuestProperties(Properties ?? "{}");
    } catch (error) {
      if (!isMalformed(error)) throw error;
      throw protocolError(describeCall("GetProperties", body, bridge.name), error);
    }
  }

  /** Linux: new limits for the container. */
  async updateConstraints(settings: ContainerConstraints, options: CallOptions = {}): Promise<void> {
    const body = { ContainerId: this.id, Request: updateContainerConstraints(settings) };
    await this.#host.bridge.request("ModifySettings", body, options);
  }

  /** Windows: an HCS modify document for the container. */
  async modify(request: WindowsContainerModifyRequest, options: CallOptions = {}): Promise<void> {
    await this.#host.bridge.request("ModifySettings", { ContainerId: this.id, Request: request }, options);
  }

  /** Asks the container to end (Linux: SIGTERM). Success does not mean that it has. */
  async shutdown(options: CallOptions = {}): Promise<SignalOutcome> {
    return this.#end("ShutdownGraceful", options);
  }

  /** Ends the container by force (Linux: SIGKILL). Its end is reported by {@link exited}. */
  async terminate(options: CallOptions = {}): Promise<SignalOutcome> {
    return this.#end("ShutdownForced", options);
  }

  /**
   * Deletes what the guest keeps of the container, after its layers were removed. A container that the guest
   * no longer knows is success, and so is a guest without this message. Rejects when the guest could not
   * remove everything; it has forgotten the container all the same.
   */
  async deleteState(options: CallOptions = {}): Promise<void> {
    try {
      if (this.#host.canDeleteState()) await this.#request("DeleteContainerState", options);
    } catch (error) {
      if (isNotFound(error)) {
        this.settle({ type: "Deleted" });
        return;
      }
      // Without the guest's answer (given up, connection lost) the container may still exist.
      if (!(error instanceof HcsError) || isConnectionLost(error)) throw error;
      this.settle({ type: "Deleted" });
      throw error;
    }
    this.settle({ type: "Deleted" });
  }

  async #end(message: "ShutdownGraceful" | "ShutdownForced", options: CallOptions): Promise<SignalOutcome> {
    try {
      await this.#request(message, options);
      return "delivered";
    } catch (error) {
      if (isNotFound(error) || isAlreadyStopped(error)) return "gone";
      throw error;
    }
  }

  async #request(message: PlainMessage, options: CallOptions): Promise<void> {
    await this.#host.bridge.request(message, { ContainerId: this.id }, options);
  }
}
