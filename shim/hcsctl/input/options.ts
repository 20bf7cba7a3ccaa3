/** The runtime options that a spec is looked at under. */
import { NO_RUNTIME_OPTIONS, readOptionsTable, type RuntimeOptions } from "../../options/runtime.ts";
import type { Flag } from "../command.ts";
import { readInput } from "./read.ts";

export const OPTIONS_FLAG: Flag = {
  name: "options",
  type: "string",
  value: "FILE",
  description: "options of the runtime handler, TOML or JSON",
};

export const ISOLATION_FLAG: Flag = {
  name: "hypervisor",
  type: "boolean",
  description: "as under a runtime handler with SandboxIsolation = 1",
};

type Flags = Readonly<Record<string, string | boolean | undefined>>;

export async function givenOptions(flags: Flags): Promise<RuntimeOptions> {
  const table = await givenTable(flags);
  if (Object.keys(table).length === 0) return NO_RUNTIME_OPTIONS;
  return readOptionsTable(table, String(flags["options"] ?? "the flags"));
}

/** The same options by their TOML names, not read yet. @throws {Error} when the file is not one of options */
export async function givenTable(flags: Flags): Promise<Readonly<Record<string, unknown>>> {
  const path = flags["options"];
  const table = typeof path === "string" ? await optionsTable(path) : {};
  const forced = flags["hypervisor"] === true ? { SandboxIsolation: 1 } : {};
  return { ...table, ...forced };
}

async function optionsTable(path: string): Promise<Readonly<Record<string, unknown>>> {
  const input = await readInput(path);
  if (input.kind === "runtime" || (input.kind === "node" && Object.keys(input.table).length === 0))
    return input.table;
  throw new Error(
    `cannot take options from ${path}: it is not a file of runtime options (found ${input.kind})`,
  );
}
