/**
 * What tasks have left on a node: journals with open entries, and whether the shim that wrote them lives. For `start`,
 * which finishes what an earlier task of its id has left, and for people.
 */
import { identifyProcess } from "../platform/process-identity.ts";
import { isListening, pathOfAddress } from "../bootstrap/address.ts";
import { bundleFile, readIfPresent } from "../bootstrap/bundle.ts";
import {
  forgetJournal,
  nodeJournalPath,
  readJournal,
  strikeReleased,
  type JournalContents,
  type JournalPlace,
} from "./journal.ts";
import { reclaim, type Reclaimers, type ReclaimOutcome } from "./reclaim.ts";

/**
 * - `alive`: it answers
 * - `silent`: its process lives, and nobody answers at its address
 * - `dead`: what its journal says is held is held by nobody
 */
export type ShimState = "alive" | "silent" | "dead";

/** The state of the shim that wrote a journal. */
export async function shimState({ owner }: JournalContents): Promise<ShimState> {
  if (owner === undefined) return "dead";
  if (!(await isRunning(owner.shim, owner.startTime))) return "dead";
  const address = readIfPresent(bundleFile(owner.bundle, "address"));
  // Without an address (its bundle is gone) the process alone speaks for it.
  return address === undefined || (await isListening(pathOfAddress(address))) ? "alive" : "silent";
}

async function isRunning(pid: number, startTime: number | undefined): Promise<boolean> {
  if (startTime !== undefined) return (await identifyProcess(pid))?.startTime === startTime;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Releases what the journal of a dead shim holds, newest first. What could not be released stays in the journal. */
export async function finishJournal(
  place: Omit<JournalPlace, "bundle">,
  reclaimers: Reclaimers,
): Promise<ReclaimOutcome> {
  const path = nodeJournalPath(place.stateDirectory, place.namespace, place.id);
  const outcome = await reclaim(readJournal(path).held, reclaimers);
  strikeReleased(path, outcome.released);
  if (outcome.failed.length === 0) forgetJournal(place);
  return outcome;
}

/**
 * Finishes what an earlier task of this id has left, if its shim is dead.
 *
 * @throws naming what could not be released: its journal would be lost to the new task's
 */
export async function finishEarlierTask(
  place: Omit<JournalPlace, "bundle">,
  reclaimers: () => Promise<Reclaimers>,
): Promise<void> {
  const journal = readJournal(nodeJournalPath(place.stateDirectory, place.namespace, place.id));
  if (journal.held.length === 0 || (await shimState(journal)) !== "dead") return;
  const { failed } = await finishJournal(place, await reclaimers());
  if (failed.length === 0) return;
  const what = failed.map(({ holding, message }) => `${holding.kind} ${holding.key}: ${message}`);
  throw new Error(
    `cannot start "${place.id}": an earlier task of this id has left what cannot be released: ${what.join("; ")}; see hcsctl doctor`,
  );
}
