/** What has to be done before suites can run: programs installed, containerd releases fetched, executables built. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fetchAll } from "../containerd/fetch.ts";
import { readDistribution } from "../setup/apt.ts";
import { WINDOWS_REQUIREMENTS } from "../setup/requirements.ts";
import { setUpMachine } from "../setup/setup.ts";
import type { Reporter } from "../terminal/reporter.ts";
import { prepareWine } from "../wine/prepare.ts";
import type { Suite } from "./suites.ts";

const REPOSITORY = join(import.meta.dirname, "../..");

/**
 * Prepares what the suites need.
 *
 * @throws {SetupError} where something is missing and cannot be had
 */
export async function prepare(reporter: Reporter, suites: readonly Suite[]): Promise<void> {
  const needs = new Set(suites.flatMap((suite) => suite.needs));
  if (needs.size === 0) return;
  reporter.heading("Prepare");
  if (needs.has("machine")) await setUpMachine(reporter);
  if (needs.has("containerd")) await fetchAll(reporter);
  if (needs.has("windows")) await setUpMachine(reporter, WINDOWS_REQUIREMENTS);
  if (needs.has("wine")) await prepareWine(reporter);
  if (needs.has("build")) await reporter.step("build", () => buildExecutables());
  if (needs.has("package")) await reporter.step("pack", () => runScript("pack"));
}

/** Whether this machine can run every test: then none may skip. */
export async function mayNothingSkip(environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const ci = environment["CI"];
  if (ci === undefined || ci === "" || ci === "false") return false;
  return process.getuid?.() === 0 && (await readDistribution())?.id === "debian";
}

/** `npm run build`, which does nothing when nothing has changed. */
export function buildExecutables(): Promise<void> {
  return runScript("build");
}

async function runScript(name: "build" | "pack"): Promise<void> {
  const child = spawn(process.execPath, ["--import", "tsx", join(REPOSITORY, `scripts/${name}.ts`)], {
    cwd: REPOSITORY,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0)
    throw new Error(`cannot ${name}: exit status ${code}\n${Buffer.concat(said).toString("utf8").trimEnd()}`);
}
