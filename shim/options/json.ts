/** Runtime options written as JSON: the message in its JSON form, or a table of the TOML names. */
import { OptionsDebugType, OptionsSandboxIsolation } from "../../protos/gen/runhcs.ts";
import { TOML_NAMES } from "./runtime.ts";

/** Member of the message → its name in TOML. */
const NAMES: ReadonlyMap<string, string> = new Map([...TOML_NAMES].map(([name, [member]]) => [member, name]));

/** Enumerations are written as words in JSON. */
const WORDS: ReadonlyMap<string, Readonly<Record<string, number>>> = new Map<
  string,
  Readonly<Record<string, number>>
>([
  ["SandboxIsolation", OptionsSandboxIsolation],
  ["DebugType", OptionsDebugType],
]);

/** The same options by their TOML names; what is not known stays as it is, to be told of. */
export function tableOfJson(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const table: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(options)) {
    const name = NAMES.get(given) ?? given;
    table[name] = typeof value === "string" ? (WORDS.get(name)?.[value] ?? value) : value;
  }
  return table;
}
