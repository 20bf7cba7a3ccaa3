/** What a network namespace holds, as HCN endpoints: read with ip(8) inside the namespace. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { NetworkEndpoint } from "../../api.ts";

/** An endpoint without its identity. */
export type EndpointFacts = Omit<NetworkEndpoint, "id" | "name"> & {
  /** Name of the interface in the namespace. */
  readonly interfaceName: string;
};

/** Of `ip -json address`, the members used. */
interface IpLink {
  readonly ifname?: string;
  readonly link_type?: string;
  readonly address?: string;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly {
    readonly family?: string;
    readonly local?: string;
    readonly prefixlen?: number;
    readonly scope?: string;
  }[];
}

/** Of `ip -json route`, the members used. */
interface IpRoute {
  readonly dst?: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly metric?: number;
  readonly protocol?: string;
}

/**
 * The interfaces of the namespace behind `path` that are up, loopback aside.
 *
 * @returns undefined on a machine without ip(8): then nothing can be said
 */
export async function readEndpoints(
  path: string,
  signal: AbortSignal | undefined,
): Promise<EndpointFacts[] | undefined> {
  if (!hasProgram("ip")) return undefined;
  const ask = (...args: readonly string[]): Promise<unknown> => runIp(path, args, signal);
  const [links, routes4, routes6] = await Promise.all([
    ask("address", "show"),
    ask("route", "show"),
    ask("-6", "route", "show"),
  ]);
  return describeEndpoints(asList<IpLink>(links), [...asList<IpRoute>(routes4), ...asList<IpRoute>(routes6)]);
}

/** Endpoints from the answers of ip(8). Link-local addresses and routes made by the kernel itself are left out. */
export function describeEndpoints(links: readonly IpLink[], routes: readonly IpRoute[]): EndpointFacts[] {
  return links
    .filter(({ link_type, flags }) => link_type !== "loopback" && flags?.includes("UP") === true)
    .map((link) => ({
      interfaceName: link.ifname ?? "",
      macAddress: (link.address ?? "").replaceAll(":", "-").toUpperCase(),
      ipConfigurations: (link.addr_info ?? [])
        .filter(({ scope }) => scope !== "link")
        .flatMap(({ local, prefixlen }) =>
          local === undefined || prefixlen === undefined
            ? []
            : [{ ipAddress: local, prefixLength: prefixlen }],
        ),
      routes: routes
        .filter(({ dev, protocol }) => dev === link.ifname && protocol !== "kernel")
        .flatMap(({ dst, gateway, metric }) =>
          gateway === undefined || dst === undefined
            ? []
            : [
                {
                  nextHop: gateway,
                  destinationPrefix: prefixOf(dst, gateway),
                  ...(metric === undefined ? {} : { metric }),
                },
              ],
        ),
      dns: { search: [], servers: [] },
    }));
}

/** ip(8) writes `default`, and hosts without their length. */
function prefixOf(destination: string, gateway: string): string {
  const six = gateway.includes(":");
  if (destination === "default") return six ? "::/0" : "0.0.0.0/0";
  return destination.includes("/") ? destination : `${destination}/${six ? 128 : 32}`;
}

function asList<T>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [];
}

function runIp(path: string, args: readonly string[], signal: AbortSignal | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settings = signal === undefined ? {} : { signal };
    execFile("nsenter", [`--net=${path}`, "ip", "-json", ...args], settings, (error, stdout, stderr) => {
      if (signal?.aborted === true) reject(signal.reason as Error);
      else if (error !== null)
        reject(new Error(`ip ${args.join(" ")} in "${path}": ${stderr.trim() || error.message}`));
      // A list without entries is printed as nothing by older versions.
      else resolve(stdout.trim() === "" ? [] : (JSON.parse(stdout) as unknown));
    });
  });
}

function hasProgram(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((directory) => existsSync(join(directory, name)));
}
