/** `cp`: files into and out of a container, over the agent in it. */
import { lstatSync } from "node:fs";
import { listFiles } from "../../agent/files/sender.ts";
import { messageOf } from "../../errors.ts";
import { UsageError } from "../../flags.ts";
import type { CommandContext } from "../command.ts";
import { withContainer } from "./connect.ts";
import { Progress } from "./progress.ts";

export async function runAgentCopy(context: CommandContext): Promise<void> {
  const { direction, id, inside, outside } = readPlaces(context.arguments);
  using progress = new Progress(process.stderr, direction === "put" ? totalOf(outside) : undefined);
  await withContainer({ ...context, arguments: [id] }, (container, signal) => {
    const options = {
      signal,
      onProgress: (bytes: number) => progress.add(bytes),
      onResume: (attempt: number, error: unknown) =>
        progress.note(`connection lost, going on (attempt ${attempt + 1}): ${messageOf(error)}`),
    };
    return direction === "put"
      ? container.put(outside, inside, options)
      : container.get(inside, outside, options);
  });
}

interface Places {
  readonly direction: "put" | "get";
  readonly id: string;
  readonly inside: string;
  readonly outside: string;
}

/** @throws {UsageError} unless exactly one of them is in a container */
export function readPlaces([source = "", target = ""]: readonly string[]): Places {
  const [from, to] = [containerPlace(source), containerPlace(target)];
  if (from !== undefined && to === undefined) return { direction: "get", ...from, outside: target };
  if (to !== undefined && from === undefined) return { direction: "put", ...to, outside: source };
  const found = from === undefined ? "none is" : "both are";
  throw new UsageError(`one of SOURCE and TARGET must be CONTAINER:PATH (${found})`);
}

/** A single letter before the colon is a drive of this machine. */
function containerPlace(text: string): { readonly id: string; readonly inside: string } | undefined {
  const [, id, inside] = /^([^/\\:]{2,}):(.+)$/s.exec(text) ?? [];
  return id === undefined || inside === undefined ? undefined : { id, inside };
}

function totalOf(source: string): number {
  if (lstatSync(source, { throwIfNoEntry: false }) === undefined)
    throw new UsageError(`cannot copy "${source}": it does not exist`);
  let total = 0;
  for (const { bytes } of listFiles(source)) total += bytes;
  return total;
}
