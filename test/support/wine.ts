/** Runs Windows programs under Wine. Their output goes to files: Node for Windows cannot write to a pipe there. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { copyFile, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "./command.ts";

/** Environment in which programs of a prefix are run: nothing of a desktop, no chatter. */
export function wineEnvironment(prefix: string): Record<string, string | undefined> {
  return {
    WINEPREFIX: prefix,
    WINEARCH: "win64",
    WINEDEBUG: "-all",
    // netapi32 as it is in the prefix: where there is a stand-in, Wine would take its own all the same.
    WINEDLLOVERRIDES: "winemenubuilder.exe=d;mscoree=d;mshtml=d;netapi32=n,b",
    DISPLAY: undefined,
    WAYLAND_DISPLAY: undefined,
  };
}

/** A path of this machine as Windows programs see it. */
export function winePath(path: string): string {
  return `Z:${path.replaceAll("/", "\\")}`;
}

export interface WineRun {
  /** WINEPREFIX. */
  readonly prefix: string;
  /** File that receives standard output and standard error. */
  readonly output: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Starts `wine PROGRAM ARGS…`. */
export function startWine(args: readonly string[], { prefix, output, cwd, env }: WineRun): ChildProcess {
  const file = openSync(output, "a");
  try {
    return spawn("wine", args, {
      cwd,
      env: { ...process.env, ...wineEnvironment(prefix), ...env },
      stdio: ["ignore", file, file],
    });
  } finally {
    closeSync(file);
  }
}

/**
 * Runs `wine PROGRAM ARGS…` to its end.
 *
 * @returns exit status; undefined when the program was killed
 */
export async function runWine(
  args: readonly string[],
  run: WineRun,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const child = startWine(args, run);
  const kill = (): void => void child.kill("SIGKILL");
  signal?.addEventListener("abort", kill);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => resolve(code ?? undefined));
    });
  } finally {
    signal?.removeEventListener("abort", kill);
  }
}

/** Runs a program of Wine that has to succeed. @throws with what it said */
export async function mustRunWine(args: readonly string[], run: WineRun): Promise<void> {
  const code = await runWine(args, run);
  if (code === 0) return;
  const said = await readFile(run.output, "utf8").catch(() => "");
  throw new Error(`cannot run wine ${args.join(" ")}: exit status ${code ?? "none"}: ${said.trim()}`);
}

/** Ends everything that runs in a prefix, and its server. */
export async function stopWine(prefix: string): Promise<void> {
  const env = wineEnvironment(prefix);
  // Exit status 1 says that there was no server.
  await mustRun("wineserver", ["-k"], { env }).catch(() => undefined);
  await mustRun("wineserver", ["-w"], { env });
}

/** A Wine machine of one's own. */
export interface WineMachine extends AsyncDisposable {
  readonly prefix: string;
}

/**
 * Copies a template: files are linked, because none of them is written to; the registry is.
 *
 * @param libraries folder of DLLs that go to the system directory
 */
export async function copyWineMachine(template: string, libraries: string): Promise<WineMachine> {
  const home = await mkdtemp(join(tmpdir(), "runhcs-wine-"));
  const prefix = join(home, "prefix");
  const dispose = async (): Promise<void> => {
    await stopWine(prefix);
    await rm(home, { recursive: true, force: true });
  };
  try {
    await mustRun("cp", ["-al", template, prefix]);
    for (const name of await readdir(prefix)) if (name.endsWith(".reg")) await separate(join(prefix, name));
    const system = join(prefix, "drive_c/windows/system32");
    for (const name of await readdir(libraries)) await replace(join(libraries, name), join(system, name));
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
  return { prefix, [Symbol.asyncDispose]: dispose };
}

/** Gives a linked file a content of its own. */
async function separate(path: string): Promise<void> {
  await replace(path, path);
}

async function replace(from: string, to: string): Promise<void> {
  await copyFile(from, `${to}.new`);
  await rename(`${to}.new`, to);
}
