/** Runs a verb of hcsctl in this process. */
import type { Command } from "../../../../shim/hcsctl/command.ts";
import { Options } from "../../../../shim/options/own.ts";

export interface CommandOutcome {
  readonly output: string;
  readonly failed: boolean;
}

export async function runCommand(
  command: Command,
  args: readonly string[],
  flags: Readonly<Record<string, string | boolean>> = {},
  options: Options = new Options(),
): Promise<CommandOutcome> {
  let output = "";
  let failed = false;
  await command.run({
    arguments: args,
    flags,
    lists: {},
    options,
    print: (text) => void (output += text),
    fail: () => void (failed = true),
    exit: () => undefined,
  });
  return { output, failed };
}
