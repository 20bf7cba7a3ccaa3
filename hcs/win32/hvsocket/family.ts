/** What Hyper-V sockets are made of: the address family, and how an address is written in it. */
import type { HvSocketAddress, HvSocketContainer } from "../../api.ts";
import { Structure } from "../ffi/structure.ts";
import { registerContainer } from "./registration.ts";

/** An option that every socket of the family gets (setsockopt). */
export interface SocketOption {
  readonly level: number;
  readonly name: number;
  /** 32 bits. */
  readonly value: number;
}

export interface SocketFamily {
  readonly family: number;
  readonly protocol: number;
  readonly options: readonly SocketOption[];
  /** SOCKADDR to bind a listener to. */
  listenAddress(address: HvSocketAddress): Uint8Array;
  /** Called when a listener is bound and listens, with its SOCKADDR as the system has it. @returns what to undo with it */
  listening(address: HvSocketAddress, bound: Uint8Array): () => void;
  /** SOCKADDR to connect to. Undefined where it is known already that nobody listens. */
  connectAddress(address: HvSocketAddress): Uint8Array | undefined;
  /** Gives a Windows container in a VM an address of its own. @returns what takes it away */
  registerContainer(container: HvSocketContainer): () => void;
}

const AF_HYPERV = 34;
const HV_PROTOCOL_RAW = 1;
const HVSOCKET_CONNECT_TIMEOUT = 1;
const HVSOCKET_CONNECTED_SUSPEND = 4;

/** A connection that nobody accepts is given up after this long: without it, Windows tries for minutes. */
const CONNECT_TIMEOUT_MS = 2_000;

/** The real thing. Source: hvsocket.h. */
export const HYPERV: SocketFamily = {
  family: AF_HYPERV,
  protocol: HV_PROTOCOL_RAW,
  options: [
    { level: HV_PROTOCOL_RAW, name: HVSOCKET_CONNECT_TIMEOUT, value: CONNECT_TIMEOUT_MS },
    // Connections outlive a VM that is paused or saved.
    { level: HV_PROTOCOL_RAW, name: HVSOCKET_CONNECTED_SUSPEND, value: 1 },
  ],
  listenAddress: hypervAddress,
  listening: () => () => undefined,
  connectAddress: hypervAddress,
  registerContainer,
};

/** SOCKADDR_HV: USHORT Family 0, USHORT Reserved 2, GUID VmId 4, GUID ServiceId 20. */
export function hypervAddress({ vmId, serviceId }: HvSocketAddress): Uint8Array {
  return new Structure(36).u16(0, AF_HYPERV).guid(4, vmId).guid(20, serviceId).bytes;
}
