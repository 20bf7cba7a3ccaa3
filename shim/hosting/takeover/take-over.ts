/** Makes a pod again that a process had which died: from the records in its bundles, its journals and what the keeper held. */
import { join } from "node:path";
import { LINUX_GUEST_PORT } from "../../../hcs/schema/hv-socket.ts";
import { CreateTaskRequest } from "../../../protos/gen/task-v2.ts";
import { bundleFile, BUNDLE_FILE, writeFileAtomically } from "../../bootstrap/bundle.ts";
import { Pod } from "../../pod/pod.ts";
import type { InheritedTask } from "../../pod/inheritance.ts";
import { readJournal } from "../../resources/journal.ts";
import type { TaskFacts } from "../../resources/takeover-records.ts";
import { prepareCreate } from "../../service/prepare.ts";
import type { Shim } from "../../service/shim.ts";

/** First port that was used for none of the processes. */
export function nextPortOf(tasks: readonly TaskFacts[]): number {
  const used = tasks
    .flatMap(({ init, execs }) => [init, ...execs])
    .flatMap(({ started }) => Object.values<number>(started?.ports ?? {}));
  return Math.max(LINUX_GUEST_PORT.firstStdio - 1, ...used) + 1;
}

/**
 * Takes the pod over whose tasks these are, the sandbox first.
 *
 * @throws when its sandbox is not among them, or a request cannot be read again
 */
export async function takeOverPod(shim: Shim, tasks: readonly TaskFacts[]): Promise<void> {
  const inherited = await Promise.all(tasks.map((facts) => inheritedTask(shim, facts)));
  const [sandbox, ...workloads] = inherited;
  if (sandbox?.facts.id !== shim.id)
    throw new Error(`cannot take over pod "${shim.id}": no record says what it was`);
  for (const { facts } of inherited) {
    shim.environment.records?.adopt(facts);
    writeFileAtomically(join(facts.bundle, BUNDLE_FILE.pid), String(process.pid));
  }
  shim.inherit(await Pod.takeOver(shim.environment, [sandbox, ...workloads]));
}

async function inheritedTask(shim: Shim, facts: TaskFacts): Promise<InheritedTask> {
  const { logger, backend } = shim.environment;
  const request = CreateTaskRequest.decode(Buffer.from(facts.init.request, "base64"));
  return {
    facts,
    request: await prepareCreate(request, shim.options, logger, backend),
    held: readJournal(bundleFile(facts.bundle, "journal")).held,
  };
}
