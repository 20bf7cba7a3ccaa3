/** `wrap`: scripts on the host for programs in a container. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { commandWrapper, shellWrapper, type WrapperInit } from "../../client/wrappers.ts";
import { UsageError } from "../../flags.ts";
import type { CommandContext } from "../command.ts";
import { directoryMapping } from "./options.ts";

export async function wrap({
  flags,
  lists,
  arguments: [id = "", ...programs],
  print,
}: CommandContext): Promise<void> {
  const directory = resolve(String(flags["out"]));
  const directories = (lists["map"] ?? []).map(directoryMapping);
  mkdirSync(directory, { recursive: true });
  for (const each of programs) {
    const at = each.indexOf("=");
    if (at < 1) throw new UsageError(`invalid program: must be NAME=PATH (found "${each}")`);
    const [name, program] = [each.slice(0, at), each.slice(at + 1)];
    if (/[\\/]/.test(name))
      throw new UsageError(`invalid program: its name must be a file's (found "${name}")`);
    const init: WrapperInit = { containerId: id, program, directories };
    const isWindows = flags["cmd"] === true;
    const path = join(directory, isWindows ? `${name}.cmd` : name);
    writeFileSync(path, isWindows ? commandWrapper(init) : shellWrapper(init));
    if (!isWindows) chmodSync(path, 0o755);
    print(`${path}\n`);
  }
}
