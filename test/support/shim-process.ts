/** Finds the shim that serves a task. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BUNDLE_FILE } from "../../shim/bootstrap/bundle.ts";
import { isAlive, listProcesses } from "./proc.ts";
import { until } from "./until.ts";

/**
 * The number of the long-lived shim process of a task or sandbox. Shims carry the address of their containerd and the
 * id they were started for in their arguments; commands such as `start` and `delete` end with an action word instead.
 */
export async function findShim(address: string, id: string): Promise<number> {
  return until(`the shim of "${id}"`, () => shimsOf(address).find((shim) => shim.id === id)?.pid);
}

/** All shims of one containerd, with the id each was started for. */
export function shimsOf(address: string): { readonly pid: number; readonly id: string }[] {
  return (
    listProcesses()
      // One that the keeper had ready has them in its title: one text instead of many.
      .map((process) => ({ ...process, arguments: process.arguments.flatMap((word) => word.split(" ")) }))
      .filter(({ pid, arguments: words }) => isAlive(pid) && words.includes(address) && words.includes("-id"))
      .filter(({ arguments: words }) => !["start", "delete"].includes(words.at(-1) ?? ""))
      .map(({ pid, arguments: words }) => ({ pid, id: words[words.indexOf("-id") + 1] ?? "" }))
  );
}

/** The number of the process that serves a task, as its bundle has it: also one that serves others. */
export function hostOf(of: { readonly directory: string; readonly namespace: string }, id: string): number {
  const bundle = join(of.directory, "state/io.containerd.runtime.v2.task", of.namespace, id);
  return Number(readFileSync(join(bundle, BUNDLE_FILE.pid), "utf8"));
}
