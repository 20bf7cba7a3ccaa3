/** What /proc says about processes and mounts. */
import { readFileSync, readdirSync } from "node:fs";
import { until } from "./until.ts";

/** A process, as far as tests ask about it. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** One letter of proc(5): `Z` is a zombie. */
  readonly state: string;
  readonly name: string;
  readonly arguments: readonly string[];
}

/** Every process of this pid namespace. One that ends meanwhile is left out. */
export function listProcesses(): ProcessFacts[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((facts) => facts !== undefined);
}

/** One process; undefined when there is none of this number. */
export function readProcess(pid: number): ProcessFacts | undefined {
  const stat = readOptional(`/proc/${pid}/stat`);
  // The name is in brackets and may hold anything, brackets too.
  const match = /^\d+ \((?<name>.*)\) (?<state>\S) (?<parent>\d+) /s.exec(stat);
  if (match?.groups === undefined) return undefined;
  const { name = "", state = "", parent = "" } = match.groups;
  const words = readOptional(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
  return { pid, parent: Number(parent), state, name, arguments: words };
}

/** Whether a process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  const facts = readProcess(pid);
  return facts !== undefined && facts.state !== "Z";
}

/** The environment a process was started with; empty when it is gone. */
export function readEnvironment(pid: number): string[] {
  return readOptional(`/proc/${pid}/environ`).split("\0").slice(0, -1);
}

/** Memory a process answers for, its share of shared pages included (PSS), in bytes; 0 when it is gone. */
export function proportionalMemory(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readOptional(`/proc/${pid}/smaps_rollup`))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** Pages that belong to a process alone and that it has written, in KiB (proc(5): smaps_rollup); 0 when it is gone. */
export function privateDirty(pid: number): number {
  return Number(/^Private_Dirty:\s+(\d+) kB/m.exec(readOptional(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

/** Longest time until memory has been given back: more than a shim waits after the last call. */
const SETTLED_WITHIN_MS = 20_000;
/** Longer than a shim is idle before it gives memory back. */
const STEADY_MS = 12_000;

/** {@link privateDirty} once it has stopped falling, or has had time enough to. */
export async function settledDirty(pid: number): Promise<number> {
  const deadline = performance.now() + SETTLED_WITHIN_MS;
  let [lowest, since] = [Infinity, performance.now()];
  return until(
    "memory to settle",
    () => {
      const now = privateDirty(pid);
      if (now < lowest) [lowest, since] = [now, performance.now()];
      return performance.now() > deadline || performance.now() - since > STEADY_MS ? lowest : undefined;
    },
    { timeoutMs: SETTLED_WITHIN_MS * 2 },
  );
}

/** Mount points of a process's mount namespace that are `directory` or below it, deepest first. */
export function mountsBelow(directory: string, pid: number | "self" = "self"): string[] {
  return readOptional(`/proc/${pid}/mountinfo`)
    .split("\n")
    .map((line) => unescapeMountPath(line.split(" ")[4] ?? ""))
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .sort((one, other) => other.length - one.length);
}

/** Whether a process's root file system is made of directories below `directory`, as that of a container is. */
export function isRootedIn(pid: number, directory: string): boolean {
  return readOptional(`/proc/${pid}/mountinfo`)
    .split("\n")
    .some((line) => line.split(" ")[4] === "/" && line.includes(`${directory}/`));
}

/** proc(5): blanks and backslashes in mount paths are octal escapes. */
function unescapeMountPath(path: string): string {
  return path.replaceAll(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8)));
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
