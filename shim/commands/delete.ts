/**
 * `delete`: cleans up after a task whose shim is gone, and says how the task ended. containerd also runs it after
 * every ordinary removal, when there is nothing left to do. It gets 5 seconds, and may run for all tasks of a pod at
 * the same time.
 */
import { existsSync, readFileSync, unlinkSync } from "node:fs";
import { DeleteResponse } from "../../protos/gen/task-v2.ts";
import { timestampFromDate } from "../../protos/timestamp.ts";
import { isListening, pathOfAddress } from "../bootstrap/address.ts";
import { bundleFile, readIfPresent } from "../bootstrap/bundle.ts";
import { UsageError, type ShimFlags } from "../flags.ts";
import { readNodeFile } from "../options/node-file.ts";
import { Options } from "../options/own.ts";
import { LOST_STATUS } from "../platform/facts.ts";
import { identifyProcess } from "../platform/process-identity.ts";
import {
  forgetJournal,
  nodeJournalPath,
  readJournal,
  strikeReleased,
  type JournalContents,
} from "../resources/journal.ts";
import { reclaim, type Reclaimers } from "../resources/reclaim.ts";

export interface DeleteOutcome {
  /** Encoded DeleteResponse, for stdout. */
  readonly response: Uint8Array;
  /** For stderr: what containerd should log. */
  readonly remarks: readonly string[];
}

export interface DeleteContext {
  /** Where the node file is looked for; the process's own environment unless said otherwise. */
  readonly environment?: NodeJS.ProcessEnv;
  reclaimers(options: Options): Promise<Reclaimers>;
  now(): number;
}

export async function deleteTask(flags: ShimFlags, context: DeleteContext): Promise<DeleteOutcome> {
  const bundle = flags.bundle;
  if (bundle === undefined || bundle === "") throw new UsageError("bundle is required");
  const options = new Options(await readNodeFile(context.environment));
  const place = { stateDirectory: options.stateDirectory, namespace: flags.namespace, id: flags.id };
  const path = findJournal(bundle, nodeJournalPath(place.stateDirectory, place.namespace, place.id));
  const journal = readJournal(path);
  const remarks = panicText(bundle);
  if (journal.held.length > 0) {
    const { released, failed } = await reclaim(journal.held, await context.reclaimers(options));
    // containerd may ask again, with the bundle still there.
    strikeReleased(path, released);
    await endShim(journal);
    remarks.push(
      ...failed.map(({ holding, message }) => `cannot release ${holding.kind} ${holding.key}: ${message}`),
    );
    if (failed.length === 0) forgetJournal(place);
  } else {
    forgetJournal(place);
  }
  await removeDeadSocket(bundle);
  const exit = journal.exit;
  const response = DeleteResponse.encode({
    pid: exit?.pid ?? journal.pid ?? 0,
    exitStatus: exit?.status ?? LOST_STATUS,
    exitedAt: timestampFromDate(new Date(exit?.at ?? context.now())),
  });
  return { response, remarks };
}

/** The bundle's journal, or the node's second name of it when the bundle is gone already. */
function findJournal(bundle: string, onNode: string): string {
  const inBundle = bundleFile(bundle, "journal");
  return existsSync(inBundle) ? inBundle : onNode;
}

const LONGEST_PANIC = 1024 * 1024;

/** What the shim's runtime printed when it died: containerd logs it as a warning. */
function panicText(bundle: string): string[] {
  const path = bundleFile(bundle, "panic");
  let text: string;
  try {
    text = readFileSync(path, "utf8").slice(0, LONGEST_PANIC).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text === "" ? [] : [text];
}

/**
 * Ends a shim that lives but that containerd has given up: it lost what it served. The journal says which process that is,
 * and whether it has other pods, which must not end with this one.
 */
async function endShim({ owner }: JournalContents): Promise<void> {
  if (owner?.startTime === undefined || owner.isShared === true || owner.shim === process.pid) return;
  if ((await identifyProcess(owner.shim))?.startTime !== owner.startTime) return;
  try {
    process.kill(owner.shim, "SIGTERM");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The socket file of a shim that died; a shim that lives still serves it. */
async function removeDeadSocket(bundle: string): Promise<void> {
  const url = readIfPresent(bundleFile(bundle, "address"));
  if (url === undefined || !url.startsWith("unix://")) return;
  const path = pathOfAddress(url);
  if (await isListening(path)) return;
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
