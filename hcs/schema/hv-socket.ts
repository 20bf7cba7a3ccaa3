/**
 * Addresses of Hyper-V sockets. A guest's vsock port is a service id built from a template GUID
 * (hvsocket.h, `HV_GUID_VSOCK_TEMPLATE`); a few services have GUIDs of their own.
 */

const VSOCK_TEMPLATE = "-facb-11e6-bd58-64006a7986d3";

/** Ports of the Linux guest agent. */
export const LINUX_GUEST_PORT = {
  /** The host writes boot entropy here. */
  entropy: 1,
  /** The agent's log, one JSON object per line. */
  log: 109,
  /** Plan9 server of the VM worker. */
  plan9: 564,
  /** The guest connection ("bridge"). */
  bridge: 0x4000_0000,
  /** First port of process stdio; one per stream, never reused. */
  firstStdio: 0x4000_0001,
} as const;

/** Services of the Windows guest agent. */
export const WINDOWS_GUEST_SERVICE = {
  bridge: "acef5661-84a1-4e44-856b-6245e69f4620",
  /** Bridge by way of the sidecar of confidential VMs. */
  sidecarBridge: "ae8da506-a019-4553-a52b-902bc0fa0411",
  log: "172dad59-976d-45f2-8b6c-6d1b13f2ac4d",
} as const;

/** Well-known VM ids. */
export const VM_ID = {
  zero: "00000000-0000-0000-0000-000000000000",
  /** The parent address that a Windows guest is told about. */
  windowsParent: "894cc2d6-9d79-424f-93fe-42969ae6d8d1",
} as const;

/** Service id of vsock port `port` (unsigned 32 bits): port 1 is `00000001-facb-11e6-bd58-64006a7986d3`. */
export function vsockServiceId(port: number): string {
  if (!Number.isInteger(port) || port < 0 || port > 0xffff_ffff) {
    throw new RangeError(`vsock port out of range: ${port}`);
  }
  return port.toString(16).padStart(8, "0") + VSOCK_TEMPLATE;
}

/** The port of a service id made from one; undefined for any other. */
export function vsockPort(serviceId: string): number | undefined {
  const [, port] = new RegExp(`^([0-9a-f]{8})${VSOCK_TEMPLATE}$`, "i").exec(serviceId) ?? [];
  return port === undefined ? undefined : Number.parseInt(port, 16);
}
