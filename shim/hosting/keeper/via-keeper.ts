/** `start` by the keeper, for a `start` that runs in Node because no launcher is in front of it or no keeper was there. */
import { isListening } from "../../bootstrap/address.ts";
import { systemClock, startDeadline } from "../../clock.ts";
import type { Hosting } from "../../options/own.ts";
import { keeperAddress } from "./address.ts";
import { askKeeper, startKeeper } from "./ask.ts";
import type { KeeperReply, KeeperRequest } from "./protocol.ts";

/** Between two looks whether the keeper listens. */
const LOOK_EVERY_MS = 5;

export interface ViaKeeper {
  /** Program and arguments of the keeper. */
  readonly command: readonly string[];
  readonly request: Omit<KeeperRequest, "environment"> & { readonly environment: NodeJS.ProcessEnv };
}

/**
 * @returns what `start` prints; undefined where the keeper cannot help, or need not be waited for: a pod that would have got
 *   a booted process gets a new one, and the keeper is there for the next
 * @throws what is wrong with the pod, as the keeper says
 */
export async function startByKeeper(
  { command, request }: ViaKeeper,
  hosting: Exclude<Hosting, "process">,
  budgetMs: number,
): Promise<string | undefined> {
  const address = keeperAddress(request.environment);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.environment))
    if (value !== undefined) environment[name] = value;
  const ask = (): Promise<KeeperReply | undefined> => askKeeper(address, { ...request, environment });
  let reply = await ask();
  if (reply === undefined) {
    startKeeper(command, address, environment);
    if (hosting === "warm" || !(await comesUp(address, budgetMs))) return undefined;
    reply = await ask();
  }
  if (reply?.verdict === "failed") throw new Error(reply.stderr);
  return reply?.verdict === "done" ? Buffer.from(reply.stdout).toString("utf8") : undefined;
}

async function comesUp(address: string, budgetMs: number): Promise<boolean> {
  using deadline = startDeadline(systemClock, budgetMs, "waiting for the keeper");
  while (!(await isListening(address))) {
    if (deadline.signal.aborted) return false;
    await systemClock.sleep(LOOK_EVERY_MS);
  }
  return true;
}
