/** `network ls`, `network select`: what a container would join. */
import { stringifyJson } from "../../../hcs/json.ts";
import type { HostNetwork } from "../../../hcs/port/networks.ts";
import { hostNetworks } from "../../client/network/host-networks.ts";
import { chooseNetwork } from "../../client/network/join.ts";
import type { CommandContext } from "../command.ts";
import { formatTable } from "../table.ts";

const COLUMNS = [
  { title: "NAME" },
  { title: "SWITCH" },
  { title: "TYPE" },
  { title: "SUBNETS" },
  { title: "ID" },
] as const;

export async function ls({ flags, print }: CommandContext): Promise<void> {
  const networks = await (await hostNetworks()).list();
  if (flags["json"] === true) return print(`${stringifyJson(networks)}\n`);
  print(networks.length === 0 ? "no networks\n" : formatTable(COLUMNS, networks.map(rowOf)));
}

function rowOf({ id, name = "", switchName = "", type = "", subnets }: HostNetwork): string[] {
  return [name, switchName, type, subnets.join(", "), id];
}

/** How a network answers to a name, in words. */
const REASONS = {
  "switch-name": "its switch has the name",
  name: "it has the name",
  "part-of-name": "the name is a part of its own or of its switch's",
  none: "no network answers to the name: by type and name it is the first",
} as const;

export async function select(context: CommandContext): Promise<void> {
  const {
    flags,
    arguments: [switchName],
    print,
  } = context;
  const { network, match, fallback } = await chooseNetwork(await hostNetworks(), {
    ...(switchName === undefined ? {} : { switchName }),
    requireMatch: flags["require-match"] === true,
  });
  if (flags["json"] === true) return print(`${stringifyJson({ network, match, fallback })}\n`);
  print(`${formatTable(COLUMNS, [rowOf(network)])}${REASONS[match]}\n`);
}
