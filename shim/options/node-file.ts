/**
 * The node file: options that hold for every pod of a machine.
 */
import { readIfPresent } from "../bootstrap/bundle.ts";
import { OptionError, readTable, type OptionLayer } from "./own.ts";
import { parseToml } from "./toml.ts";

/** What was read last: the keeper and shared processes read the same file for every pod. */
let latest: { readonly path: string; readonly text: string; readonly layer: OptionLayer } | undefined;

const EMPTY: OptionLayer = { values: new Map(), warnings: [] };

/** Where the node file is: `RUNHCS_CONFIG`, else the platform's place. */
export function nodeFilePath(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment["RUNHCS_CONFIG"];
  if (named !== undefined && named !== "") return named;
  if (process.platform !== "win32") return "/etc/containerd/runhcs.toml";
  return `${environment["ProgramData"] ?? "C:\\ProgramData"}\\containerd\\runhcs.toml`;
}

/** Reads the node file; without one there are no options of the node. @throws {OptionError} */
export async function readNodeFile(environment: NodeJS.ProcessEnv = process.env): Promise<OptionLayer> {
  const path = nodeFilePath(environment);
  const text = readIfPresent(path);
  if (text === undefined) {
    if (environment["RUNHCS_CONFIG"])
      throw new OptionError(`cannot read ${path}: RUNHCS_CONFIG names it, but it does not exist`);
    return EMPTY;
  }
  if (latest?.path !== path || latest.text !== text)
    latest = { path, text, layer: readTable(await parseToml(text, path), "node", path) };
  return latest.layer;
}
