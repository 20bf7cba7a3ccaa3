/**
 * The guest connection, host side: what the shim asks of the agent inside a utility VM. Frames and calls are
 * `bridge.ts`; the protocol is `protocol.ts`.
 */
import type { Duplex } from "node:stream";
import type { CallOptions, HcsProcess } from "../api.ts";
import { HcsError } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import { stringifyJson } from "../json.ts";
import type { ProcessParameters } from "../schema/process.ts";
import type { TimeZoneInformation } from "../schema/time-zone.ts";
import type { Listen } from "./accept.ts";
import { GuestBridge, type BridgeEnd, type RequestOptions } from "./bridge.ts";
import { GuestContainer, type ContainerExitType, type ContainerHost } from "./container.ts";
import { report } from "./diagnostics.ts";
import { describeCall, protocolError } from "./errors.ts";
import { createGuestProcess } from "./process.ts";
import {
  NULL_CONTAINER_ID,
  PROTOCOL_VERSION,
  type ConfidentialContainerConfig,
  type GuestCapabilities,
  type GuestDefinedCapabilities,
  type LinuxContainerConfig,
  type MessageName,
  type NotificationType,
  type RequestBody,
  type ResponseBody,
  type VirtualMachineConfig,
  type WindowsContainerConfig,
} from "./protocol.ts";
import type { GuestResourceRequest } from "./resources.ts";
import type { ReadNotification } from "./responses.ts";
import type { SessionStart } from "./session.ts";
import type { GuestOs } from "./stdio.ts";

export interface GuestConnectionOptions {
  /** What runs in the VM. A guest that says otherwise is refused when it negotiates. */
  readonly os: GuestOs;
  /** The VM's name for errors and diagnostics. */
  readonly name: string;
  /** Opens a listener of this VM, for the stdio of processes. */
  readonly listen: Listen;
  /** Largest frame the guest may send, header included. Default 4 MiB. */
  readonly maxFrameBytes?: number;
  /** The limit of calls that come without a signal. A wait for a process has none. */
  readonly defaultSignal?: () => AbortSignal;
  /**
   * An earlier process has made what is in the VM, and is gone. Until {@link GuestConnection.adopted} is called, what is
   * asked for counts as done: containers are adopted instead of created, and the guest is told nothing.
   */
  readonly adopts?: SessionStart;
}

export interface NegotiateOptions extends CallOptions {
  /** The first connection since the VM booted: the guest may want to be created and started. Default true. */
  readonly coldStart?: boolean;
  /** For a guest that wants to be created. Default UTC. */
  readonly timeZone?: TimeZoneInformation;
}

export const UTC_TIME_ZONE: TimeZoneInformation = {
  StandardName: "Coordinated Universal Time",
  StandardDate: {},
  DaylightName: "Coordinated Universal Time",
  DaylightDate: {},
};

/** What a notification type says about the container; states it passes through are no end. */
const EXIT_TYPES: Readonly<Record<NotificationType, ContainerExitType | undefined>> = {
  None: "UnexpectedExit",
  GracefulExit: "GracefulExit",
  ForcedExit: "ForcedExit",
  UnexpectedExit: "UnexpectedExit",
  Reboot: "UnexpectedExit",
  Unknown: "UnexpectedExit",
  Constructed: undefined,
  Started: undefined,
  Paused: undefined,
};

export class GuestConnection {
  readonly os: GuestOs;
  /** Settles once, when the connection has ended. Never rejects. */
  readonly closed: Promise<BridgeEnd>;
  readonly #bridge: GuestBridge;
  readonly #host: ContainerHost;
  readonly #containers: Map<string, GuestContainer> = new Map();
  /** Ends that were told of containers nobody has adopted yet; undefined when nothing is to be adopted (any more). */
  #unclaimed: Map<string, ContainerExitType> | undefined;
  #capabilities: GuestCapabilities = {};

  private constructor(stream: Duplex, options: GuestConnectionOptions) {
    this.os = options.os;
    this.#bridge = new GuestBridge(stream, {
      ...options,
      onNotification: (notification) => this.#notified(notification),
      ...(options.adopts === undefined ? {} : { session: options.adopts }),
    });
    if (options.adopts !== undefined) this.#unclaimed = new Map();
    this.#host = this.#createHost(options.listen);
    this.closed = this.#bridge.ended.then((end) => {
      for (const container of [...this.#containers.values()]) container.settle({ type: "ConnectionLost" });
      return end;
    });
  }

  /** Takes over the stream that the guest has dialled. Nothing is sent before {@link negotiate}. */
  static open(stream: Duplex, options: GuestConnectionOptions): GuestConnection {
    return new GuestConnection(stream, options);
  }

  get name(): string {
    return this.#bridge.name;
  }

  /** What the guest said in {@link negotiate}; empty before. */
  get capabilities(): GuestCapabilities {
    return this.#capabilities;
  }

  /** The guest takes network adapters; without that they are added on the host alone. */
  get canAddNetwork(): boolean {
    return this.#has("NamespaceAddRequestSupported");
  }

  /**
   * Agrees on the protocol; must come first. A guest that asks for it is then created and started, as Windows
   * guests do after a boot. Rejects with `HCS_E_UNSUPPORTED_PROTOCOL_VERSION` when there is no common version.
   */
  async negotiate(options: NegotiateOptions = {}): Promise<GuestCapabilities> {
    const { signal, coldStart = true, timeZone = UTC_TIME_ZONE } = options;
    const call: CallOptions = signal === undefined ? {} : { signal };
    const body = { ContainerId: "", MinimumVersion: PROTOCOL_VERSION, MaximumVersion: PROTOCOL_VERSION };
    const subject = describeCall("NegotiateProtocol", body, this.name);
    const { Version, Capabilities = {} } = await this.#bridge.request("NegotiateProtocol", body, call);
    if (Version !== PROTOCOL_VERSION) {
      throw new HcsError({
        ...subject,
        hresult: HRESULT.unsupportedProtocolVersion,
        detail: `the guest chose version ${Version ?? 0}, the host speaks ${PROTOCOL_VERSION}`,
      });
    }
    const guestOs = (Capabilities.RuntimeOsType ?? "").toLowerCase() || "windows";
    if (guestOs !== this.os) {
      throw protocolError(subject, `the guest runs ${guestOs.slice(0, 64)}, expected ${this.os}`);
    }
    this.#capabilities = Capabilities;
    if (coldStart && Capabilities.SendHostCreateMessage === true) {
      const config: VirtualMachineConfig = { SystemType: "Container", TimeZoneInformation: timeZone };
      const ContainerConfig = stringifyJson(config);
      await this.#bridge.request("Create", { ContainerId: NULL_CONTAINER_ID, ContainerConfig }, call);
      if (Capabilities.SendHostStartMessage === true) {
        await this.#bridge.request("Start", { ContainerId: NULL_CONTAINER_ID }, call);
      }
    }
    return Capabilities;
  }

  /**
   * Creates a container. Its end is watched from before the request is sent, so none can be missed; a failed
   * creation leaves the id free. A container that the guest reports after the caller has given up is removed.
   */
  async createContainer(
    id: string,
    config: LinuxContainerConfig | WindowsContainerConfig | ConfidentialContainerConfig,
    options: CallOptions = {},
  ): Promise<GuestContainer> {
    const body = { ContainerId: id, ContainerConfig: stringifyJson(config) };
    if (this.#containers.has(id)) {
      throw new HcsError({
        ...describeCall("Create", body, this.name),
        hresult: HRESULT.systemAlreadyExists,
        detail: `guest "${this.name}" has a container with this id`,
      });
    }
    const container = new GuestContainer(this.#host, id);
    this.#containers.set(id, container);
    if (this.#unclaimed !== undefined) {
      const exit = this.#unclaimed.get(id);
      if (exit !== undefined) container.settle({ type: exit });
      return container;
    }
    try {
      await this.#bridge.request("Create", body, {
        ...options,
        late: (response) => {
          if (response !== undefined && (response.Result ?? 0) === 0) this.#removeLate(id);
        },
      });
      return container;
    } catch (error) {
      this.#forget(container);
      throw error;
    }
  }

  /** Creates a process in the VM itself, next to its containers. */
  async createProcess(parameters: ProcessParameters, options: CallOptions = {}): Promise<HcsProcess> {
    return createGuestProcess(this.#host, NULL_CONTAINER_ID, parameters, options);
  }

  /** Changes resources of the VM (`modify.ts`). */
  async modify(request: GuestResourceRequest, options: CallOptions = {}): Promise<void> {
    if (this.#unclaimed !== undefined) return;
    await this.#bridge.request(
      "ModifySettings",
      { ContainerId: NULL_CONTAINER_ID, Request: request },
      options,
    );
  }

  /** All that is in the VM has been adopted: from now on what is asked for is done. */
  adopted(): void {
    this.#unclaimed = undefined;
  }

  /** Stacks of the guest agent; empty where the guest cannot tell. */
  async dumpStacks(options: CallOptions = {}): Promise<string> {
    if (!this.#has("DumpStacksSupported")) return "";
    const { GuestStacks } = await this.#bridge.request(
      "DumpStacks",
      { ContainerId: NULL_CONTAINER_ID },
      options,
    );
    return GuestStacks ?? "";
  }

  /** Any message of the protocol, for what has no method here. */
  request<Name extends MessageName>(
    message: Name,
    body: RequestBody<Name>,
    options: RequestOptions<Name> = {},
  ): Promise<ResponseBody<Name>> {
    return this.#bridge.request(message, body, options);
  }

  /** Ends the connection; what runs in the VM goes on. Idempotent. */
  async close(): Promise<void> {
    await this.#bridge.close();
    await this.closed;
  }

  /** What containers and processes may do with the connection. */
  #createHost(listen: Listen): ContainerHost {
    return {
      bridge: this.#bridge,
      os: this.os,
      listen,
      canSignal: () => this.#has("SignalProcessSupported"),
      canDeleteState: () => this.#has("DeleteContainerStateSupported"),
      forget: (container) => this.#forget(container),
    };
  }

  #forget(container: GuestContainer): void {
    if (this.#containers.get(container.id) === container) this.#containers.delete(container.id);
  }

  #has(capability: keyof GuestDefinedCapabilities): boolean {
    return this.#capabilities.GuestDefinedCapabilities?.[capability] === true;
  }

  #notified({ ContainerId, Type }: ReadNotification): void {
    const container = this.#containers.get(ContainerId);
    const exit = EXIT_TYPES[Type];
    if (container === undefined && this.#unclaimed !== undefined) {
      if (exit !== undefined) this.#unclaimed.set(ContainerId, exit);
    } else if (container === undefined) {
      const frame = `notification ${Type} of ${ContainerId.slice(0, 128)}`;
      report({ guest: this.name, event: "ignored-frame", frame, id: 0n, why: "unknown container" });
    } else if (exit !== undefined) {
      container.settle({ type: exit });
    }
  }

  /** Ends a container that came into being after its creator had given up. */
  #removeLate(id: string): void {
    const container = new GuestContainer(this.#host, id);
    const remove = async () => {
      try {
        await container.terminate();
      } finally {
        await container.deleteState();
      }
    };
    remove().catch((error: unknown) => {
      report({
        guest: this.name,
        event: "background-failure",
        work: `removing abandoned container ${id}`,
        error,
      });
    });
  }
}
