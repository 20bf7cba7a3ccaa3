/** `diag` and `timeline`: questions to a running shim. */
import { Diag } from "../../protos/gen/diag.ts";
import { shimAddress } from "../bootstrap/address.ts";
import { messageOf } from "../errors.ts";
import type { TimelineEntry } from "../phases/timeline.ts";
import { connect, type Client } from "../ttrpc/index.ts";
import { JSON_FLAG, SHIM_FLAGS, type Command, type CommandContext } from "./command.ts";
import { formatTable } from "./table.ts";

async function ask(context: CommandContext, method: keyof typeof Diag.methods): Promise<string> {
  const {
    flags,
    arguments: [id = ""],
  } = context;
  const address = shimAddress({
    namespace: String(flags["namespace"]),
    group: id,
    containerd: String(flags["address"]),
  });
  let client: Client;
  try {
    client = await connect(address.path);
  } catch (cause) {
    throw new Error(`cannot reach the shim of "${id}" at ${address.url}: ${messageOf(cause)}`, { cause });
  }
  try {
    const { json } = await client.call(Diag, method, {});
    return json;
  } finally {
    await client.close();
  }
}

export const diag: Command = {
  name: "diag",
  usage: "hcsctl diag ID [--address PATH] [--namespace NS]",
  summary: "show what the shim of a pod or task holds: tasks, processes, VM, resources",
  flags: SHIM_FLAGS,
  arity: [1, 1],
  run: async (context) => {
    const report: unknown = JSON.parse(await ask(context, "Report"));
    context.print(`${JSON.stringify(report, null, 2)}\n`);
  },
};

export const timeline: Command = {
  name: "timeline",
  usage: "hcsctl timeline ID [--address PATH] [--namespace NS] [--json]",
  summary: "show where the time of a pod or task went, phase by phase",
  flags: [...SHIM_FLAGS, JSON_FLAG],
  arity: [1, 1],
  run: async (context) => {
    const json = await ask(context, "Timeline");
    const entries = JSON.parse(json) as TimelineEntry[];
    context.print(context.flags["json"] === true ? `${json}\n` : formatTable(COLUMNS, entries.map(rowOf)));
  },
};

const COLUMNS = [
  { title: "TIME" },
  { title: "TASK" },
  { title: "VERB" },
  { title: "PHASE" },
  { title: "MS", align: "right" },
  { title: "OUTCOME" },
] as const;

function rowOf({ startedAt, durationMs, task, exec, verb, phase, failure }: TimelineEntry): string[] {
  const subject = exec === undefined ? task : `${task}/${exec}`;
  return [new Date(startedAt).toISOString(), subject, verb, phase, durationMs.toFixed(1), failure ?? "ok"];
}
