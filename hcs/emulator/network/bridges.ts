/**
 * Networks on Linux: every bridge is a network, and a switch of the same name. An endpoint is a pair of virtual interfaces,
 * one end on the bridge, the other in a network namespace, where it is eth0.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import type { CallOptions } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { HostNetwork, HostNetworks } from "../../port/networks.ts";
import type { HcnEndpoint } from "../../schema/hcn.ts";
import { nameGuid } from "../guid.ts";

const NETWORK_SPACE = "0f5d2b36-3c2e-5d4b-8a57-9d1c7b0e6a11";
const ENDPOINT_SPACE = "7d9b1a54-5f0c-5a6e-b3a1-2f8e4c6d0b22";
/** Where ip(8) keeps namespaces by name. */
const NAMESPACES = "/run/netns";
const INSIDE = "eth0";

/** Of `ip -json -details address show type bridge`, the members used. */
interface Bridge {
  readonly ifname?: string;
  readonly ifalias?: string;
  readonly addr_info?: readonly {
    readonly family?: string;
    readonly local?: string;
    readonly prefixlen?: number;
    readonly scope?: string;
  }[];
}

export class BridgeNetworks implements HostNetworks {
  async list(options?: CallOptions): Promise<HostNetwork[]> {
    const text = await ip(
      ["-json", "address", "show", "type", "bridge"],
      "list networks",
      "bridges",
      options,
    );
    return (JSON.parse(text || "[]") as Bridge[]).filter(({ ifname }) => ifname !== undefined).map(networkOf);
  }

  async createNamespace(name: string, options?: CallOptions): Promise<string> {
    const reference = `${NAMESPACES}/${namespaceName(name)}`;
    await ip(["netns", "add", namespaceName(name)], "create network namespace", name, options);
    await inside(reference, ["link", "set", "lo", "up"], "create network namespace", name, options);
    return reference;
  }

  async deleteNamespace(reference: string, options?: CallOptions): Promise<void> {
    if (!existsSync(reference)) return;
    const name = reference.slice(NAMESPACES.length + 1);
    // The end on the bridge goes at once: the kernel takes its time with a namespace that nobody uses any more.
    await ip(["link", "delete", hostEnd(reference)], "delete endpoint", reference, options).catch(
      (error: unknown) => {
        if (!(error instanceof HcsError) || !/cannot find device/i.test(error.message)) throw error;
      },
    );
    await ip(["netns", "delete", name], "delete network namespace", reference, options);
  }

  async createEndpoint(
    reference: string,
    endpoint: HcnEndpoint,
    options?: CallOptions,
  ): Promise<HcnEndpoint> {
    const action = "create endpoint";
    const target = endpoint.Name ?? reference;
    const network = (await this.list(options)).find(({ id }) => id === endpoint.HostComputeNetwork);
    if (network?.name === undefined)
      throw new HcsError({
        operation: action,
        target,
        hresult: HRESULT.elementNotFound,
        detail: `there is no network ${endpoint.HostComputeNetwork}`,
      });
    const outside = hostEnd(reference);
    const name = reference.slice(NAMESPACES.length + 1);
    const steps: string[][] = [
      ["link", "add", outside, "type", "veth", "peer", "name", INSIDE, "netns", name],
      ["link", "set", outside, "master", network.switchName ?? network.name, "up"],
    ];
    const settings: string[][] = [
      ...(endpoint.IpConfigurations ?? []).map(({ IpAddress, PrefixLength }) => [
        "address",
        "add",
        `${IpAddress}/${PrefixLength}`,
        "dev",
        INSIDE,
      ]),
      ["link", "set", INSIDE, "up"],
      ...(endpoint.Routes ?? []).map(({ NextHop = "", DestinationPrefix = "default" }) => [
        "route",
        "add",
        DestinationPrefix,
        "via",
        NextHop,
        "dev",
        INSIDE,
      ]),
    ];
    try {
      for (const step of steps) await ip(step, action, target, options);
      for (const step of settings) await inside(reference, step, action, target, options);
    } catch (error) {
      // All or nothing: who tries again with less finds no half of an endpoint.
      await ip(["link", "delete", outside], action, target).catch(() => undefined);
      throw error;
    }
    // Name servers are a guest's affair, ports would be a firewall's: neither is part of this endpoint.
    const { Dns: _dns, Policies: _policies, ...rest } = endpoint;
    return { ...rest, ID: nameGuid(ENDPOINT_SPACE, reference) };
  }
}

function networkOf({ ifname = "", ifalias, addr_info = [] }: Bridge): HostNetwork {
  const addresses = addr_info.filter(({ scope }) => scope === "global");
  const [first] = addresses;
  return {
    id: nameGuid(NETWORK_SPACE, ifname),
    name: ifalias ?? ifname,
    switchName: ifname,
    // A bridge on which the host is a host itself is where it forwards for others.
    type: addresses.length > 0 ? "NAT" : "Transparent",
    subnets: addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    ...(first?.local === undefined ? {} : { hostAddress: first.local }),
  };
}

function namespaceName(name: string): string {
  return `runhcs-${name.replaceAll(/[^A-Za-z0-9._-]/g, "-")}`;
}

/** Names of interfaces have at most 15 characters. */
function hostEnd(reference: string): string {
  return `rhe${createHash("sha256").update(reference).digest("hex").slice(0, 11)}`;
}

function inside(
  reference: string,
  args: readonly string[],
  operation: string,
  target: string,
  options?: CallOptions,
): Promise<string> {
  return ip(["-n", reference.slice(NAMESPACES.length + 1), ...args], operation, target, options);
}

async function ip(
  args: readonly string[],
  operation: string,
  target: string,
  { signal }: CallOptions = {},
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("ip", [...args], signal === undefined ? {} : { signal });
    return stdout;
  } catch (cause) {
    const { code, stderr = "", message } = cause as NodeJS.ErrnoException & { stderr?: string };
    const detail = code === "ENOENT" ? "there is no ip(8): install iproute2" : stderr.trim() || message;
    const hresult = code === "ENOENT" ? HRESULT.notImplemented : HRESULT.invalidArgument;
    throw new HcsError({ operation, target, hresult, detail, cause });
  }
}
