/** Hyper-V sockets: byte streams between the host and its VMs. */
import type { Duplex } from "node:stream";
import type { CallOptions } from "./call.ts";

/** An address on AF_HYPERV: who, and which service of theirs. Both lower-case GUIDs. */
export interface HvSocketAddress {
  /** Runtime id of the utility VM (`RuntimeId` of its properties). */
  readonly vmId: string;
  readonly serviceId: string;
}

export interface HvSocket {
  /** Binds and listens. The other side can connect as soon as this resolves. */
  listen(address: HvSocketAddress, options?: CallOptions): Promise<HvSocketListener>;
  connect(address: HvSocketAddress, options?: CallOptions): Promise<Duplex>;
  /**
   * Makes a Windows container in a VM reachable under an address of its own, until the registration is closed
   * (HcsCreateOrOpen of an HvSocket address info). Addresses are lower-case GUIDs.
   */
  registerContainer(container: HvSocketContainer, options?: CallOptions): Promise<HvSocketRegistration>;
}

export interface HvSocketContainer {
  readonly vmId: string;
  /** `SystemGUID` property of the container. */
  readonly systemId: string;
}

export interface HvSocketRegistration {
  close(): Promise<void>;
}

export interface HvSocketListener {
  /** The next connection: a byte stream with half-close. Rejects when the listener is closed. */
  accept(options?: CallOptions): Promise<Duplex>;
  close(): Promise<void>;
}
