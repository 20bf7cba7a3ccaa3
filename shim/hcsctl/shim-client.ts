/** Connects to the shim that people mean by the flags of ctr, or by a bundle. */
import { connect, type Client } from "../ttrpc/index.ts";
import { pathOfAddress, shimAddress } from "../bootstrap/address.ts";
import { bundleFile, readIfPresent } from "../bootstrap/bundle.ts";
import { messageOf } from "../errors.ts";
import type { CommandContext, Flag } from "./command.ts";

export const BUNDLE_FLAG: Flag = {
  name: "bundle",
  type: "string",
  value: "DIR",
  description: "bundle of the task: names its shim, and its journal when the shim is dead",
};

/** No shim answers. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** @throws {UnreachableError} */
export async function withShim<T>(
  { flags, arguments: [id = ""] }: Pick<CommandContext, "flags" | "arguments">,
  ask: (client: Client) => Promise<T>,
): Promise<T> {
  const path = shimPath(id, flags);
  let client: Client;
  try {
    client = await connect(path);
  } catch (cause) {
    throw new UnreachableError(`cannot reach the shim of "${id}" at ${path}: ${messageOf(cause)}`, { cause });
  }
  try {
    return await ask(client);
  } finally {
    await client.close();
  }
}

/** A bundle has the address of its shim, also for a workload, which its own id does not lead to. */
function shimPath(id: string, flags: CommandContext["flags"]): string {
  const bundle = flags["bundle"];
  const named = typeof bundle === "string" ? readIfPresent(bundleFile(bundle, "address")) : undefined;
  if (named !== undefined) return pathOfAddress(named);
  return shimAddress({
    namespace: String(flags["namespace"]),
    group: id,
    containerd: String(flags["address"]),
  }).path;
}
