/** `ps`, `top`, `logs`, `inspect`: what containers are, and what they do. */
import { stringifyJson } from "../../../hcs/json.ts";
import type { Container, ContainerInfo } from "../../client/container.ts";
import { ClientError } from "../../client/errors.ts";
import type { ContainerProcessInfo } from "../../client/process-info.ts";
import type { CommandContext } from "../command.ts";
import { formatTable } from "../table.ts";
import { openClient } from "./engine.ts";

const COLUMNS = [
  { title: "ID" },
  { title: "IMAGE" },
  { title: "OS" },
  { title: "STATUS" },
  { title: "PID", align: "right" },
  { title: "CREATED" },
] as const;

export async function ps(context: CommandContext): Promise<void> {
  const { flags, print } = context;
  await using client = await openClient(context);
  const infos: ContainerInfo[] = [];
  for (const container of await client.list()) infos.push(await container.info());
  const shown =
    flags["all"] === true ? infos : infos.filter(({ status }) => status === "running" || status === "paused");
  if (flags["json"] === true)
    return print(`${stringifyJson(shown.map(({ spec: _spec, ...rest }) => rest))}\n`);
  print(shown.length === 0 ? "no containers\n" : formatTable(COLUMNS, shown.map(rowOf)));
}

function rowOf({ id, image = "", os, status, exit, pid, createdAt }: ContainerInfo): string[] {
  const ended = exit === undefined ? status : `exited (${exit.exitCode})`;
  return [id, image, os, ended, pid === 0 ? "" : String(pid), createdAt.toISOString()];
}

export async function inspect(context: CommandContext): Promise<void> {
  await using client = await openClient(context);
  const container = await client.get(context.arguments[0] ?? "");
  context.print(`${stringifyJson(await container.info())}\n`);
}

export async function top(context: CommandContext): Promise<void> {
  const { flags, print } = context;
  await using client = await openClient(context);
  const container = await client.get(context.arguments[0] ?? "");
  const { os } = await container.info();
  const own = os === "linux" && flags["json"] !== true ? await ownListing(container) : undefined;
  if (own !== undefined) return print(own);
  const processes = await container.processes();
  if (flags["json"] === true) return print(`${stringifyJson(processes)}\n`);
  print(formatTable(PROCESS_COLUMNS, processes.map(processRow)));
}

const PROCESS_COLUMNS = [
  { title: "PID", align: "right" },
  { title: "COMMAND" },
  { title: "STARTED BY" },
  { title: "CPU", align: "right" },
  { title: "MEMORY", align: "right" },
] as const;

function processRow(process: ContainerProcessInfo): string[] {
  const {
    pid,
    command = "",
    processId = "",
    kernelTime100ns = 0n,
    userTime100ns = 0n,
    memoryCommitBytes,
  } = process;
  const cpu = command === "" ? "" : `${Number((kernelTime100ns + userTime100ns) / 100_000n) / 100} s`;
  const memory = memoryCommitBytes === undefined ? "" : `${memoryCommitBytes / 1024n} K`;
  return [String(pid), command, processId, cpu, memory];
}

/** A Linux guest tells numbers alone: the container's own `ps`, where there is one, tells more. */
async function ownListing(container: Container): Promise<string | undefined> {
  try {
    const process = await container.spawn({ args: ["ps", "-o", "pid,user,args"] });
    const pieces: Buffer[] = [];
    process.stdout?.on("data", (piece: Buffer) => pieces.push(piece));
    process.stderr?.resume();
    const { exitCode } = await process.wait();
    return exitCode === 0 ? Buffer.concat(pieces).toString("utf8") : undefined;
  } catch (error) {
    if (ClientError.is(error, "FailedPrecondition") || ClientError.is(error, "NotFound")) throw error;
    return undefined;
  }
}

export async function logs(context: CommandContext): Promise<void> {
  await using client = await openClient(context);
  const container = await client.get(context.arguments[0] ?? "");
  for await (const piece of container.log({ follow: context.flags["follow"] === true }))
    process.stdout.write(piece);
}
