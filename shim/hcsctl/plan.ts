/** `plan`: what a spec or a pod turns into, and why, without running it. */
import { stringifyJson } from "../../hcs/json.ts";
import type { TraceEntry } from "../../hcs/scripted/recorder.ts";
import { identityOf } from "../../oci/identity.ts";
import { readSpec } from "../../oci/spec.ts";
import { causesOf, type Causes } from "../plan/provenance.ts";
import { redacted } from "../plan/redact.ts";
import {
  assumedSandbox,
  rehearse,
  type PlanTask,
  type PodPlanInput,
  type Rehearsal,
} from "../plan/rehearse.ts";
import type { PlannedHost } from "../plan/assumptions.ts";
import { UsageError } from "../flags.ts";
import { EXIT, JSON_FLAG, type Command, type CommandContext } from "./command.ts";
import { givenTable, ISOLATION_FLAG, OPTIONS_FLAG } from "./input/options.ts";
import { readPodManifest } from "./input/pod-manifest.ts";
import { readInput, type Input } from "./input/read.ts";
import { formatPlan, type Plan } from "./plan/format.ts";

export const plan: Command = {
  name: "plan",
  usage: "hcsctl plan FILE [--options FILE] [--hypervisor] [--why] [--calls] [--show-secrets] [--json]",
  summary: "show what an OCI spec or a pod turns into: decisions and documents, without running it",
  help: `FILE is a config.json, a bundle, or a Kubernetes manifest with a pod. The shim's own code makes
the pod on a machine that only writes down what it is asked; layers, volumes and ids that
only a real machine knows are made up. Secrets are hidden: credentials, values of the
environment and of the registry, keys of layers.

Exits with ${EXIT.failed} when a task would be refused.`,
  flags: [
    OPTIONS_FLAG,
    ISOLATION_FLAG,
    { name: "why", type: "boolean", description: "beside each field, the input it comes from" },
    { name: "calls", type: "boolean", description: "everything the platform is asked, in order" },
    { name: "show-secrets", type: "boolean", description: "hide nothing" },
    { name: "build", type: "string", value: "N", default: "26100", description: "Windows build of the host" },
    { name: "processors", type: "string", value: "N", default: "8", description: "processors of the host" },
    JSON_FLAG,
  ],
  arity: [1, 1],
  run: async (context) => {
    const { flags, arguments: paths, print, fail } = context;
    const plans: Plan[] = [];
    for (const [title, input] of podsOf(await readInput(paths[0] ?? ""), await givenTable(flags)))
      plans.push(await planOf(title, input, context));
    if (plans.length === 0) throw new Error(`cannot plan ${paths[0] ?? ""}: there is no pod in it`);
    if (flags["json"] === true) print(`${stringifyJson(plans.map(jsonOf))}\n`);
    else print(plans.map((each) => formatPlan(each, process.stdout.isTTY)).join("\n"));
    if (plans.some(({ tasks }) => tasks.some(({ refusal }) => refusal !== undefined))) fail();
  },
};

/** One plan for each pod of the input. */
function podsOf(input: Input, runtime: Readonly<Record<string, unknown>>): [string, PodPlanInput][] {
  switch (input.kind) {
    case "spec": {
      const task: PlanTask = { id: input.id, title: "task", document: input.document };
      return [[input.path, { tasks: withPod(task), runtime }]];
    }
    case "pods":
      return input.documents.flatMap((document): [string, PodPlanInput][] => {
        const manifest = readPodManifest(document);
        return manifest === undefined ? [] : [[`pod ${manifest.name}`, { tasks: manifest.tasks, runtime }]];
      });
    default:
      throw new Error(`cannot plan ${input.path}: options alone make nothing, give them with --options`);
  }
}

/** A workload needs a pod around it; a sandbox has the id of its pod. */
function withPod(task: PlanTask): PlanTask[] {
  const identity = identityOf(readSpec(task.document).annotations);
  switch (identity.role) {
    case "standalone":
      return [task];
    case "sandbox":
      return [{ ...task, id: identity.podId, title: "sandbox" }];
    case "workload":
      return [assumedSandbox(task.document), { ...task, title: "container" }];
  }
}

async function planOf(title: string, input: PodPlanInput, { flags, options }: CommandContext): Promise<Plan> {
  const host: PlannedHost = { build: numeric(flags, "build"), processors: numeric(flags, "processors") };
  const rehearsal = await rehearse(input, host, options);
  const causes =
    flags["why"] === true
      ? await causesOf(input, rehearsal.documents, async (other) =>
          documentsIfMade(await rehearse(other, host, options)),
        )
      : undefined;
  const hide = flags["show-secrets"] === true ? (value: unknown): unknown => value : redacted;
  return {
    title,
    tasks: rehearsal.tasks,
    documents: [...rehearsal.documents].map(([name, document]) => ({
      name,
      document: hide(document),
      ...(causes === undefined ? {} : { why: whyOf(causes, name) }),
    })),
    ...(flags["calls"] === true ? { calls: rehearsal.calls.map((call) => hide(call) as TraceEntry) } : {}),
  };
}

/** What is refused tells nothing about fields. */
function documentsIfMade({ tasks, documents }: Rehearsal): ReadonlyMap<string, unknown> | undefined {
  return tasks.some(({ refusal }) => refusal !== undefined) ? undefined : documents;
}

function whyOf(causes: Causes, name: string): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(causes.get(name) ?? []);
}

function numeric(flags: CommandContext["flags"], name: string): number {
  const value = Number(flags[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new UsageError(`invalid --${name}: must be a whole number above 0 (found "${String(flags[name])}")`);
}

function jsonOf({ title, tasks, documents, calls }: Plan): unknown {
  return { title, tasks, documents, ...(calls === undefined ? {} : { calls }) };
}
