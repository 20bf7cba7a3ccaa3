/** Measures programs that end within milliseconds (stopwatch.c). */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";

/** How a program was run: what it printed, and when, in milliseconds of {@link clock}. */
export interface Run {
  readonly stdout: string;
  readonly began: number;
  readonly ended: number;
}

const SOURCE = join(import.meta.dirname, "stopwatch.c");
const NS_PER_MS = 1e6;

/** The clock that runs are told on. Milliseconds. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / NS_PER_MS;
}

let compiled: string | undefined;

/** Compiled once for each run of the bench. */
function stopwatch(): string {
  if (compiled !== undefined) return compiled;
  const directory = mkdtempSync(join(tmpdir(), "stopwatch-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const output = join(directory, "stopwatch");
  const { status, error } = spawnSync("cc", ["-O2", "-Wall", "-Werror", "-o", output, SOURCE], {
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`cannot compile ${SOURCE}`, { cause: error });
  return (compiled = output);
}

/** Runs a program to its end, whatever its status is. */
export async function timeRun(
  file: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<Run> {
  const child = spawn(stopwatch(), [file, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe", "pipe"] });
  const [, stdout, stderr, times] = child.stdio as unknown as readonly Readable[];
  const texts = [stdout, stderr, times].map(async (stream) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream ?? []) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8").trim();
  });
  await new Promise((resolve, reject) => child.once("error", reject).once("exit", resolve));
  const [said = "", complaint = "", answer = ""] = await Promise.all(texts);
  const [began, ended] = answer.split(" ").map((ns) => Number(ns) / NS_PER_MS);
  if (began === undefined || ended === undefined) throw new Error(`cannot measure ${file}: ${complaint}`);
  return { stdout: said, began, ended };
}
