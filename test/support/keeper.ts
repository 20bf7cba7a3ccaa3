/** The keeper that the shims of a private containerd have, where pods are not hosted one process each. */
import { rmSync } from "node:fs";
import { keeperAddress } from "../../shim/hosting/keeper/address.ts";
import { isAlive, listProcesses, readEnvironment, type ProcessFacts } from "./proc.ts";
import { until } from "./until.ts";

/** How pods are hosted in this run of the tests. */
export type TestHosting = "process" | "warm" | "shared";

/** @throws when `RUNHCS_TEST_HOSTING` names no way of hosting */
export function hostingUnderTest(environment: NodeJS.ProcessEnv = process.env): TestHosting {
  const wanted = environment["RUNHCS_TEST_HOSTING"] ?? "process";
  if (wanted === "process" || wanted === "warm" || wanted === "shared") return wanted;
  throw new Error(`cannot test hosting "${wanted}": known are process, warm and shared`);
}

/** The keeper of a node file, the spares it holds, and its process for shared pods: none of them is any pod's. */
export function keeperProcesses(nodeFile: string): ProcessFacts[] {
  return (
    listProcesses()
      // One that is ready has a title: one text instead of many.
      .map((facts) => ({ ...facts, arguments: facts.arguments.flatMap((word) => word.split(" ")) }))
      .filter(
        ({ pid, arguments: words }) =>
          isAlive(pid) &&
          (words.some((word) => word.endsWith("/keeper.cjs")) || words.includes("-member")) &&
          readEnvironment(pid).includes(`RUNHCS_CONFIG=${nodeFile}`),
      )
  );
}

/** The keeper itself; undefined when there is none. */
export function findKeeper(nodeFile: string): number | undefined {
  return keeperProcesses(nodeFile).find(({ arguments: words }) => !words.includes("-member"))?.pid;
}

/** The processes that the keeper itself has started, and still has. */
export function membersOf(nodeFile: string): ProcessFacts[] {
  return keeperProcesses(nodeFile).filter(({ arguments: words }) => words.includes("-member"));
}

/**
 * Ends the keeper, and waits until all it had is gone.
 *
 * @returns a line for each process that stays, because it still has pods
 */
export async function endKeeper(nodeFile: string): Promise<string[]> {
  const pid = findKeeper(nodeFile);
  if (pid !== undefined) process.kill(pid, "SIGTERM");
  let left: ProcessFacts[] = [];
  await until("the keeper to end", () => (left = keeperProcesses(nodeFile)).length === 0).catch(
    () => undefined,
  );
  const address = keeperAddress({ RUNHCS_CONFIG: nodeFile });
  for (const path of [address, `${address}.log`]) rmSync(path, { force: true });
  return left.map((facts) => `process ${facts.pid} of the keeper: ${facts.arguments.join(" ")}`);
}
