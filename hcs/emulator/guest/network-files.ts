/** Texts of /etc/hostname, /etc/hosts and /etc/resolv.conf of a pod. */
import { GuestError, RESULT } from "./errors.ts";
import type { Adapter } from "./network.ts";

export interface NetworkFiles {
  readonly hostname: string;
  readonly hosts: string;
  readonly "resolv.conf": string;
}

/** Names of the files in a sandbox's directory; each is mounted at `/etc/<name>`. */
export const NETWORK_FILES: readonly (keyof NetworkFiles)[] = ["hostname", "hosts", "resolv.conf"];

/** More search domains than these are refused (resolv.conf(5) once allowed no more). */
const MAX_SEARCH_DOMAINS = 6;

const HOSTNAME = /^[a-zA-Z0-9_.-]{0,255}$/;

const IPV6_LINES = [
  "# The following lines are desirable for IPv6 capable hosts",
  "::1     ip6-localhost ip6-loopback",
  "fe00::0 ip6-localnet",
  "ff00::0 ip6-mcastprefix",
  "ff02::1 ip6-allnodes",
  "ff02::2 ip6-allrouters",
];

export function networkFiles(hostname: string, adapters: readonly Adapter[]): NetworkFiles {
  if (!HOSTNAME.test(hostname)) throw new GuestError(RESULT.failed, `invalid hostname "${hostname}"`);
  return { hostname: `${hostname}\n`, hosts: hostsFile(hostname), "resolv.conf": resolvConf(adapters) };
}

/** `/etc/hosts`: a name that nobody could look up otherwise would be asked for in the network, for seconds. */
export function hostsFile(hostname: string): string {
  const [short = hostname] = hostname.split(".");
  const names = short === hostname ? hostname : `${hostname} ${short}`;
  return ["127.0.0.1 localhost", `127.0.0.1 ${names}`, "", ...IPV6_LINES, ""].join("\n");
}

function resolvConf(adapters: readonly Adapter[]): string {
  const domains = [...new Set(adapters.flatMap(({ searchDomains }) => searchDomains))];
  const servers = [...new Set(adapters.flatMap(({ nameServers }) => nameServers))];
  if (domains.length > MAX_SEARCH_DOMAINS) {
    throw new GuestError(
      RESULT.failed,
      `${domains.length} search domains are more than ${MAX_SEARCH_DOMAINS}`,
    );
  }
  const search = domains.length === 0 ? [] : [`search ${domains.join(" ")}`];
  return [...search, ...servers.map((server) => `nameserver ${server}`), ""].join("\n").replace(/^\n$/, "");
}
