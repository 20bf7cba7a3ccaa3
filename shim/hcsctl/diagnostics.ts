/** `diag` and `timeline`: questions to a running shim, or to the journal of a dead one. */
import { writeFile } from "node:fs/promises";
import { Diag } from "../../protos/gen/diag.ts";
import { ShimDiag } from "../../protos/gen/shim-diag.ts";
import { bundleFile, readIfPresent } from "../bootstrap/bundle.ts";
import type { TimelineEntry } from "../phases/timeline.ts";
import { nodeJournalPath, readJournal, type JournalContents } from "../resources/journal.ts";
import { shimState } from "../resources/leftovers.ts";
import type { ShimReport } from "../service/diag-service.ts";
import { JSON_FLAG, SHIM_FLAGS, type Command, type CommandContext } from "./command.ts";
import { phaseTable, reportText } from "./diag-report.ts";
import { timelinePage } from "./timeline-page.ts";
import { BUNDLE_FLAG, UnreachableError, withShim } from "./shim-client.ts";

const FLAGS = [...SHIM_FLAGS, BUNDLE_FLAG];

export const diag: Command = {
  name: "diag",
  usage: "hcsctl diag ID [--bundle DIR] [--document] [--address PATH] [--namespace NS] [--json]",
  summary: "show the tasks of a pod, their processes, its VM, what they hold, and what happened last",
  help: `When the shim is dead, what its journal says is shown: of the bundle if one is given, else of the node's state
directory. "hcsctl doctor --fix" releases what is held there.`,
  flags: [
    ...FLAGS,
    { name: "document", type: "boolean", description: "show the document that the VM was made of, too" },
    JSON_FLAG,
  ],
  arity: [1, 1],
  run: async (context) => {
    const { flags, print } = context;
    let json: string;
    try {
      ({ json } = await withShim(context, (client) => client.call(Diag, "Report", {})));
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      return printJournal(context, error);
    }
    const report = JSON.parse(json) as ShimReport;
    if (flags["json"] === true) print(`${JSON.stringify(report, null, 2)}\n`);
    else print(reportText(report, { document: flags["document"] === true }));
  },
};

/** What is known without the shim. */
async function printJournal(context: CommandContext, unreachable: UnreachableError): Promise<void> {
  const {
    flags,
    options,
    print,
    arguments: [id = ""],
  } = context;
  const bundle = flags["bundle"];
  const candidates = [
    ...(typeof bundle === "string" ? [bundleFile(bundle, "journal")] : []),
    nodeJournalPath(options.stateDirectory, String(flags["namespace"]), id),
  ];
  const path = candidates.find((candidate) => readIfPresent(candidate) !== undefined);
  if (path === undefined)
    throw new Error(`${unreachable.message}; and it has left no journal at ${candidates.join(" or ")}`, {
      cause: unreachable,
    });
  const journal: JournalContents = readJournal(path);
  const shim = await shimState(journal);
  if (flags["json"] === true) print(`${JSON.stringify({ id, shim, journal: path, ...journal }, null, 2)}\n`);
  else print(journalText(id, shim, path, journal));
}

function journalText(
  id: string,
  shim: string,
  path: string,
  { owner, pid, exit, held }: JournalContents,
): string {
  const process = owner === undefined ? "" : ` (process ${owner.shim})`;
  const lines = [
    `task ${id}: its shim${process} is ${shim}; from ${path}`,
    ...(pid === undefined ? [] : [`init process ${pid} was started`]),
    ...(exit === undefined ? [] : [`it exited with ${exit.status} at ${new Date(exit.at).toISOString()}`]),
    held.length === 0 ? "it holds nothing" : "held still, oldest first:",
    ...held.map(({ kind, key, data }) => `  ${kind}  ${key}  ${JSON.stringify(data)}`),
  ];
  return `${lines.join("\n")}\n`;
}

export const diagStacks: Command = {
  name: "diag stacks",
  usage: "hcsctl diag stacks ID [--bundle DIR] [--address PATH] [--namespace NS] [--json]",
  summary: "show what a shim waits for, and the stacks of the agent in its VM",
  flags: [...FLAGS, JSON_FLAG],
  arity: [1, 1],
  run: async (context) => {
    const { stacks, guestStacks } = await withShim(context, (client) =>
      client.call(ShimDiag, "DiagStacks", {}),
    );
    if (context.flags["json"] === true)
      context.print(`${JSON.stringify({ stacks, guestStacks }, null, 2)}\n`);
    else context.print(`${stacks}\n\nguest:\n${guestStacks === "" ? "  no answer" : guestStacks}\n`);
  },
};

export const timeline: Command = {
  name: "timeline",
  usage: "hcsctl timeline ID [--page FILE] [--bundle DIR] [--address PATH] [--namespace NS] [--json]",
  summary: "show where the time of a pod or task went, phase by phase",
  flags: [
    ...FLAGS,
    { name: "page", type: "string", value: "FILE", description: "write a page for browsers instead" },
    JSON_FLAG,
  ],
  arity: [1, 1],
  run: async (context) => {
    const {
      flags: { page },
      arguments: [id = ""],
    } = context;
    const { json } = await withShim(context, (client) => client.call(Diag, "Timeline", {}));
    const entries = JSON.parse(json) as TimelineEntry[];
    if (typeof page === "string") {
      await writeFile(page, timelinePage(id, entries));
      return context.print(`wrote ${page}\n`);
    }
    context.print(context.flags["json"] === true ? `${json}\n` : phaseTable(entries));
  },
};
