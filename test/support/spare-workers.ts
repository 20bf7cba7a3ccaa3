/** Workers of the emulator that were booted ahead: processes of whoever holds them, until a VM takes them. */
import { SPARE_FLAG, SPARE_TITLE } from "../../hcs/emulator/worker/messages.ts";
import { listProcesses, type ProcessFacts } from "./proc.ts";

export interface SpareFacts {
  readonly launcher: ProcessFacts;
  /** Undefined while the launcher has none. */
  readonly worker: ProcessFacts | undefined;
  readonly isReady: boolean;
}

/** The spares for `stateDirectory`, those that are on their way to wait or to their system included. */
export function spareWorkers(stateDirectory: string): SpareFacts[] {
  return spares(({ arguments: words }) => words.at(-1) === stateDirectory);
}

/** The spares that process `holder` has. */
export function sparesOf(holder: number): SpareFacts[] {
  return spares(({ parent }) => parent === holder);
}

function spares(isWanted: (launcher: ProcessFacts) => boolean): SpareFacts[] {
  const all = listProcesses().filter(({ state }) => state !== "Z");
  const launchers = all.filter(
    (one) => one.name === "unshare" && one.arguments.at(-2) === SPARE_FLAG && isWanted(one),
  );
  return launchers.flatMap((launcher) => {
    const worker = all.find(({ parent }) => parent === launcher.pid);
    const isReady = worker?.arguments[0] === SPARE_TITLE;
    const isSpare = isReady || (worker ?? launcher).arguments.includes(SPARE_FLAG);
    return isSpare ? [{ launcher, worker, isReady }] : [];
  });
}
