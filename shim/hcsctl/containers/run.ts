/** `run`, `create`, `start`, `exec`, `spawn`: programs in containers, with the streams of this terminal or without. */
import type { Container } from "../../client/container.ts";
import type { ContainerProcess } from "../../client/process.ts";
import type { CommandContext } from "../command.ts";
import { attachTerminal } from "./attach.ts";
import { openClient } from "./engine.ts";
import { reporting } from "./exit-code.ts";
import { importing } from "./importing.ts";
import { processOptions } from "./options.ts";

export async function run(context: CommandContext): Promise<void> {
  const { flags, print, exit } = context;
  await reporting(exit, async () => {
    await using client = await openClient(context);
    const container = await client.create(await importing(context, client));
    const detached = flags["detach"] === true;
    try {
      if (detached) {
        await container.start({ output: "log" });
        print(`${container.id}\n`);
        return;
      }
      exit(await attached(container, flags["interactive"] === true));
    } finally {
      if (flags["rm"] === true && !detached) await container.destroy();
    }
  });
}

export async function create(context: CommandContext): Promise<void> {
  await using client = await openClient(context);
  const container = await client.create(await importing(context, client));
  context.print(`${container.id}\n`);
}

export async function start(context: CommandContext): Promise<void> {
  const {
    flags,
    arguments: [id = ""],
    exit,
    print,
  } = context;
  await reporting(exit, async () => {
    await using client = await openClient(context);
    const container = await client.get(id);
    if (flags["attach"] === true) return exit(await attached(container, flags["interactive"] === true));
    await container.start({ output: "log" });
    print(`${id}\n`);
  });
}

export async function exec(context: CommandContext): Promise<void> {
  const {
    flags,
    arguments: [id = "", ...words],
    exit,
  } = context;
  await reporting(exit, async () => {
    await using client = await openClient(context);
    const container = await client.get(id);
    const input = flags["interactive"] === true;
    const process = await container.spawn(processOptions(context, words), { output: "pipe", input });
    exit(await conducted(process, flags["tty"] === true));
  });
}

export async function spawn(context: CommandContext): Promise<void> {
  const {
    flags,
    arguments: [id = "", ...words],
    exit,
    print,
  } = context;
  await reporting(exit, async () => {
    await using client = await openClient(context);
    const container = await client.get(id);
    const process = await container.spawn(processOptions(context, words), { output: "log" });
    if (flags["wait"] === true) exit((await process.wait()).exitCode);
    else print(`${process.pid}\n`);
  });
}

async function attached(container: Container, input: boolean): Promise<number> {
  const process = await container.start({ output: "pipe", input });
  const { spec } = await container.info();
  const { terminal = false } = (spec["process"] ?? {}) as { terminal?: boolean };
  return conducted(process, terminal);
}

/** Joins the streams of this terminal with those of a process until that ends. */
async function conducted(process: ContainerProcess, terminal: boolean): Promise<number> {
  using _terminal = attachTerminal(process, terminal);
  return (await process.wait()).exitCode;
}
