/** Which engine the verbs for containers talk to. */
import { dirname } from "node:path";
import { realpathSync } from "node:fs";
import { connectClient, type ConnectOptions } from "../../client/connect.ts";
import type { ContainerClient } from "../../client/client.ts";
import { shimBeside } from "../../client/shim-program.ts";
import { UsageError } from "../../flags.ts";
import type { CommandContext } from "../command.ts";
import { ENGINES } from "./engine-flags.ts";

/** Warnings go to the terminal, whatever the output is for. */
export async function openClient({
  flags,
  options,
}: Pick<CommandContext, "flags" | "options">): Promise<ContainerClient> {
  const engine = flags["engine"] ?? "auto";
  if (!ENGINES.includes(engine as (typeof ENGINES)[number]))
    throw new UsageError(`invalid --engine: must be ${ENGINES.join(", ")} (found "${String(engine)}")`);
  const { address, namespace } = flags;
  return connectClient({
    engine: engine as NonNullable<ConnectOptions["engine"]>,
    ...(typeof address === "string" ? { address } : {}),
    ...(typeof namespace === "string" ? { namespace } : {}),
    stateDirectory: options.clientStateDirectory,
    shim: shimBeside(dirname(realpathSync(process.argv[1] ?? ""))),
    onWarning: (warning) => void process.stderr.write(`hcsctl: warning: ${warning}\n`),
  });
}
