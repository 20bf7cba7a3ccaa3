/** `cp`: files into a container and out of it. */
import { basename, join, posix, resolve } from "node:path";
import { statSync } from "node:fs";
import type { CopyOptions, CopyResult, FileCopy } from "../../client/files/transport.ts";
import { isObject } from "../../../oci/json.ts";
import { UsageError } from "../../flags.ts";
import { ANNOTATION_PREFIX } from "../../options/table.ts";
import { runAgentCopy } from "../agent/cp.ts";
import type { CommandContext } from "../command.ts";
import { progressBar } from "../progress.ts";
import { openClient } from "./engine.ts";

interface Place {
  readonly id: string;
  readonly path: string;
}

export async function cp(context: CommandContext): Promise<void> {
  const [source = "", target = ""] = context.arguments;
  const from = placeOf(source);
  const to = placeOf(target);
  if ((from === undefined) === (to === undefined))
    throw new UsageError("one of source and target must be in a container (ID:PATH), the other on this host");
  await using client = await openClient(context);
  const { id } = from ?? to ?? { id: "" };
  if (typeof context.flags["bundle"] === "string" || (await hasAgent(client, id)))
    return runAgentCopy(context);
  const results =
    to === undefined
      ? await copyOut(context, client, from ?? { id: "", path: "" }, target)
      : await copyIn(context, client, source, to);
  for (const { status, error } of results) {
    if (status === "ok") continue;
    process.stderr.write(`hcsctl: ${error?.message ?? status}\n`);
    context.fail();
  }
}

/** A container that was given an agent has it for this. */
async function hasAgent(client: Client, id: string): Promise<boolean> {
  const { spec } = await (await client.get(id)).info();
  return isObject(spec["annotations"]) && spec["annotations"][AGENT_ANNOTATION] === "true";
}

const AGENT_ANNOTATION = `${ANNOTATION_PREFIX}agent.enabled`;

type Client = Awaited<ReturnType<typeof openClient>>;

async function copyIn(
  context: CommandContext,
  client: Client,
  source: string,
  { id, path }: Place,
): Promise<CopyResult[]> {
  const hostPath = resolve(source);
  const copy: FileCopy = {
    hostPath,
    containerPath: path.endsWith("/") || path.endsWith("\\") ? `${path}${basename(hostPath)}` : path,
  };
  const { size } = statSync(hostPath);
  using bar = progressBar("copying");
  return (await client.get(id)).upload(
    [copy],
    optionsOf(context, (done) => bar.update(done, size)),
  );
}

async function copyOut(
  context: CommandContext,
  client: Client,
  { id, path }: Place,
  target: string,
): Promise<CopyResult[]> {
  const found = statSync(target, { throwIfNoEntry: false });
  const isFolder = found?.isDirectory() === true || target.endsWith("/");
  const copy: FileCopy = {
    containerPath: path,
    hostPath: isFolder ? join(resolve(target), posix.basename(path.replaceAll("\\", "/"))) : resolve(target),
  };
  using bar = progressBar("copying");
  return (await client.get(id)).download(
    [copy],
    optionsOf(context, (done) => bar.update(done, 0)),
  );
}

function optionsOf({ flags }: CommandContext, onBytes: (done: number) => void): CopyOptions {
  let done = 0;
  return {
    recursive: flags["recursive"] === true,
    mkdirs: flags["mkdirs"] === true,
    onProgress: (bytes) => onBytes((done += bytes)),
  };
}

/** `id:path`. A single letter before the colon is a drive of this host. */
export function placeOf(text: string): Place | undefined {
  const [, id, path] = /^([A-Za-z0-9][A-Za-z0-9._-]+):(.+)$/s.exec(text) ?? [];
  return id === undefined || path === undefined ? undefined : { id, path };
}
