/** `doctor`: what tasks, shims and compute systems have left on this node, and its removal. */
import { rmSync, statSync } from "node:fs";
import { listOrphans, reclaimOrphans } from "../../hcs/emulator/systems/reclaim.ts";
import { deadSockets, DEFAULT_SOCKET_DIRECTORY } from "../bootstrap/address.ts";
import { messageOf } from "../errors.ts";
import type { Options } from "../options/own.ts";
import { listJournals, readJournal, type Holding, type NodeJournal } from "../resources/journal.ts";
import { finishJournal, shimState } from "../resources/leftovers.ts";
import { linuxReclaimers } from "../resources/linux-reclaimers.ts";
import { JSON_FLAG, type Command } from "./command.ts";
import { formatTable } from "./table.ts";

/**
 * - `well`: nothing is wrong
 * - `wrong`: it is, and was left as it is
 * - `fixed`
 * - `failed`: it is wrong, and could not be fixed
 */
type Verdict = "well" | "wrong" | "fixed" | "failed";

interface Finding {
  readonly kind: "task" | "socket" | "system";
  /** `<namespace>/<id>` of a task, otherwise a path. */
  readonly subject: string;
  readonly verdict: Verdict;
  /** What was found, and what was done. */
  readonly detail: string;
  /** What a task holds, oldest first. */
  readonly held?: readonly Holding[];
}

export const doctor: Command = {
  name: "doctor",
  usage: "hcsctl doctor [--fix] [--socket-dir DIR] [--json]",
  summary: "find what dead shims have left on this node; --fix releases it",
  help: `Looks at the journals of tasks that hold something, at the sockets of shims, and at compute systems. What a dead shim
held is released newest first, as the shim's own "delete" would. Nothing that a living shim holds is touched.
Exits with 1 while something is wrong.`,
  flags: [
    { name: "fix", type: "boolean", description: "release and remove what is left" },
    {
      name: "socket-dir",
      type: "string",
      value: "DIR",
      default: DEFAULT_SOCKET_DIRECTORY,
      description: "where the sockets of shims are",
    },
    JSON_FLAG,
  ],
  arity: [0, 0],
  run: async ({ flags, options, print, fail }) => {
    const fix = flags["fix"] === true;
    // Tasks first: their journals know the order in which things go.
    const findings = [
      ...(await examineTasks(options, fix)),
      ...(await examineSystems(options, fix)),
      ...(await examineSockets(String(flags["socket-dir"]), fix)),
    ];
    const bad = findings.filter(({ verdict }) => verdict === "wrong" || verdict === "failed");
    if (flags["json"] === true)
      print(`${JSON.stringify({ findings, healthy: bad.length === 0 }, null, 2)}\n`);
    else print(report(findings));
    if (bad.length > 0) fail();
  },
};

async function examineTasks(options: Options, fix: boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const journal of listJournals(options.stateDirectory)) {
    const subject = `${journal.namespace}/${journal.id}`;
    try {
      findings.push({ kind: "task", subject, ...(await examineTask(journal, options, fix)) });
    } catch (error) {
      const detail = `its journal ${journal.path} cannot be read: ${messageOf(error)}`;
      findings.push({ kind: "task", subject, verdict: "failed", detail });
    }
  }
  return findings;
}

async function examineTask(
  journal: NodeJournal,
  options: Options,
  fix: boolean,
): Promise<Omit<Finding, "kind" | "subject">> {
  const contents = readJournal(journal.path);
  const { held, owner } = contents;
  const count = `${held.length} ${held.length === 1 ? "thing" : "things"}`;
  const state = await shimState(contents);
  if (state === "alive") return { verdict: "well", detail: `its shim holds ${count}`, held };
  if (state === "silent") {
    const detail = `its shim (process ${owner?.shim}) lives and does not answer; end it, then run hcsctl doctor --fix`;
    return { verdict: "wrong", detail, held };
  }
  if (!fix) return { verdict: "wrong", detail: `its shim is dead and left ${list(held)}`, held };
  const place = { stateDirectory: options.stateDirectory, namespace: journal.namespace, id: journal.id };
  const { released, failed } = await finishJournal(place, linuxReclaimers(options.emulatorStateDirectory));
  if (failed.length === 0) return { verdict: "fixed", detail: `released ${list(released)}`, held };
  const why = failed.map(({ holding, message }) => `${holding.key}: ${message}`).join("; ");
  return { verdict: "failed", detail: `cannot release ${why}`, held };
}

function list(holdings: readonly Holding[]): string {
  return holdings.length === 0 ? "nothing but its journal" : holdings.map(({ key }) => key).join(", ");
}

async function examineSystems(options: Options, fix: boolean): Promise<Finding[]> {
  const directory = options.emulatorStateDirectory;
  const orphans = listOrphans(directory);
  if (orphans.length === 0) return [];
  const finding = (verdict: Verdict, detail: string) => (subject: string) =>
    ({ kind: "system", subject, verdict, detail }) as const;
  if (!fix) return orphans.map(finding("wrong", "a compute system that has ended left it"));
  let problem = "it is there still";
  try {
    await reclaimOrphans(directory);
  } catch (error) {
    problem = messageOf(error);
  }
  const left = new Set(listOrphans(directory));
  return [
    ...orphans.filter((path) => !left.has(path)).map(finding("fixed", "removed")),
    ...[...left].map(finding("failed", problem)),
  ];
}

/** A younger socket may be on its way from bind to listen. */
const YOUNG_MS = 60_000;

async function examineSockets(directory: string, fix: boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const subject of await deadSockets(directory)) {
    const made = statSync(subject, { throwIfNoEntry: false })?.mtimeMs;
    if (made === undefined || Date.now() - made < YOUNG_MS) continue;
    if (fix) rmSync(subject, { force: true });
    const outcome = fix ? (["fixed", "removed"] as const) : (["wrong", "nobody serves it any more"] as const);
    findings.push({ kind: "socket", subject, verdict: outcome[0], detail: outcome[1] });
  }
  return findings;
}

const COLUMNS = [{ title: "WHAT" }, { title: "SUBJECT" }, { title: "VERDICT" }, { title: "DETAIL" }] as const;

function report(findings: readonly Finding[]): string {
  const ill = findings.filter(({ verdict }) => verdict !== "well");
  const well = findings.length - ill.length;
  const summary = `${well} ${well === 1 ? "task" : "tasks"} of living shims in order\n`;
  if (ill.length === 0) return `nothing is left behind; ${summary}`;
  return `${formatTable(
    COLUMNS,
    ill.map(({ kind, subject, verdict, detail }) => [kind, subject, verdict, detail]),
  )}${summary}`;
}
