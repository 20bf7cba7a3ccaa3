/**
 * Static settings applied by a program inside the container, where no guest does it. The scripts are constant: settings reach
 * them as environment variables, so that nothing has to be quoted. Both end with a status other than 0 at the first step that
 * fails, and can run twice.
 */
import { netmaskOf } from "./prefix.ts";
import { APPLIED, LINUX_SCRIPT, WINDOWS_SCRIPT } from "./guest-scripts.ts";
import type { Facet, StaticNetwork } from "./static.ts";

export type GuestOs = "linux" | "windows";

/** A process to run in the container, as an administrator of its network, to its end. */
export interface GuestCommand {
  readonly args: readonly string[];
  /** In addition to the container's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What its last line on standard output says when it has done all. */
  readonly applied: string;
}

const PROGRAM: Readonly<Record<GuestOs, readonly string[]>> = {
  linux: ["/bin/sh", "-c", LINUX_SCRIPT],
  windows: [
    "powershell.exe",
    "-NoLogo",
    "-NoProfile",
    "-NonInteractive",
    "-ExecutionPolicy",
    "Bypass",
    "-EncodedCommand",
    Buffer.from(WINDOWS_SCRIPT, "utf16le").toString("base64"),
  ],
};

/**
 * @param facets those that nothing else applies; ports cannot be applied here
 * @returns undefined when there is nothing to do
 */
export function guestCommand(
  os: GuestOs,
  { address, gateway, dns }: StaticNetwork,
  facets: ReadonlySet<Facet>,
): GuestCommand | undefined {
  const hasAddress = address !== undefined && facets.has("ip");
  // Setting an address takes the gateway away, so both go together.
  const hasGateway = gateway !== undefined && (hasAddress || facets.has("gateway"));
  const hasDns = dns.length > 0 && facets.has("dns");
  if (!hasAddress && !hasGateway && !hasDns) return undefined;
  const env = {
    ...(hasAddress || hasGateway
      ? { RUNHCS_NETWORK_FAMILY: (address?.ip ?? gateway)?.family === "IPv6" ? "6" : "4" }
      : {}),
    ...(hasAddress ? addressVariables(address) : {}),
    ...(hasGateway ? { RUNHCS_NETWORK_GATEWAY: gateway.text } : {}),
    ...(hasDns ? { RUNHCS_NETWORK_DNS: dns.map(({ text }) => text).join(" ") } : {}),
  };
  return { args: PROGRAM[os], env, applied: APPLIED };
}

function addressVariables({
  ip,
  prefixLength,
}: NonNullable<StaticNetwork["address"]>): Record<string, string> {
  return {
    RUNHCS_NETWORK_ADDRESS: ip.text,
    RUNHCS_NETWORK_PREFIX_LENGTH: String(prefixLength),
    ...(ip.family === "IPv4" ? { RUNHCS_NETWORK_NETMASK: netmaskOf(prefixLength) } : {}),
  };
}
