/** `stop`, `kill`, `rm`: one container after the other, going on after a failure. */
import type { Container } from "../../client/container.ts";
import { ClientError } from "../../client/errors.ts";
import { messageOf } from "../../errors.ts";
import { UsageError } from "../../flags.ts";
import type { CommandContext } from "../command.ts";
import { openClient } from "./engine.ts";

export function stop(context: CommandContext): Promise<void> {
  const seconds = Number(context.flags["time"]);
  if (!Number.isFinite(seconds) || seconds < 0)
    throw new UsageError(
      `invalid --time: must be a number of seconds (found "${String(context.flags["time"])}")`,
    );
  const signal = String(context.flags["signal"]);
  return each(context, (container) => container.stop({ graceMs: seconds * 1000, signal }));
}

export function kill(context: CommandContext): Promise<void> {
  const { flags } = context;
  return each(context, (container) =>
    container.kill(String(flags["signal"]), { all: flags["all"] === true }),
  );
}

export function rm(context: CommandContext): Promise<void> {
  return each(context, async (container) => {
    const { status } = await container.info();
    if (context.flags["force"] !== true && (status === "running" || status === "paused"))
      throw new ClientError(
        "FailedPrecondition",
        `cannot remove container "${container.id}": it is ${status}; stop it first, or use --force`,
        { id: container.id },
      );
    await container.destroy();
  });
}

async function each(
  context: CommandContext,
  work: (container: Container) => Promise<unknown>,
): Promise<void> {
  await using client = await openClient(context);
  for (const id of context.arguments) {
    try {
      await work(await client.get(id));
      context.print(`${id}\n`);
    } catch (error) {
      process.stderr.write(`hcsctl: ${messageOf(error)}\n`);
      context.fail();
    }
  }
}
