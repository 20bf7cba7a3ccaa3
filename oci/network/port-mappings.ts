/** Ports of the host that lead into a container: `hostPort:containerPort[/tcp|udp]`, separated by commas. */
import { SpecError } from "../errors.ts";

export interface PortMapping {
  readonly protocol: "tcp" | "udp";
  readonly hostPort: number;
  readonly containerPort: number;
}

const MAPPING = /^([1-9][0-9]{0,4}):([1-9][0-9]{0,4})(?:\/(tcp|udp))?$/i;
const MOST = 65_535;

/**
 * @param at where the text stands, for errors
 * @throws {SpecError} for a mapping of another form, or for a port of the host that is given away twice
 */
export function readPortMappings(text: string, at: string): PortMapping[] {
  const mappings = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => readMapping(part, at));
  const taken = new Set<string>();
  for (const { protocol, hostPort } of mappings) {
    const port = `${hostPort}/${protocol}`;
    if (taken.has(port))
      throw refused(at, "must not give a port of the host to several ports of the container", port);
    taken.add(port);
  }
  return mappings;
}

function readMapping(text: string, at: string): PortMapping {
  const [, host, container, protocol = "tcp"] = MAPPING.exec(text) ?? [];
  const [hostPort, containerPort] = [Number(host), Number(container)];
  if (!(hostPort <= MOST && containerPort <= MOST))
    throw refused(at, `must be host port:container port[/tcp|udp], ports being 1 to ${MOST}`, text);
  return { protocol: protocol.toLowerCase() === "udp" ? "udp" : "tcp", hostPort, containerPort };
}

function refused(at: string, rule: string, value: string): SpecError {
  return new SpecError({ at, rule, value, refusal: "invalid argument" });
}
