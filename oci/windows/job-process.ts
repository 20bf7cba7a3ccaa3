/** A process of a HostProcess container on the host: its directory, environment and command line. */
import { win32 } from "node:path";
import { SpecError } from "../errors.ts";
import type { JobRoot } from "../job-plan.ts";
import type { Process } from "../spec.ts";
import { commandLineOf } from "./process-parameters.ts";

export interface JobProcessPlan {
  readonly workingDirectory: string;
  /** `NAME=value`, one for each name, sorted. */
  readonly environment: readonly string[];
  /** Before the program in it is looked up. */
  readonly commandLine: string;
}

const VARIABLE = "CONTAINER_SANDBOX_MOUNT_POINT";

/** @param userEnvironment of the account it runs as, `NAME=value` */
export function jobProcess(
  process: Process,
  root: JobRoot,
  userEnvironment: readonly string[],
): JobProcessPlan {
  return {
    workingDirectory: workingDirectory(process.cwd ?? "", root),
    environment: environment(process.env, root, userEnvironment),
    // What is visible to the container alone is looked up by a program that runs inside it.
    commandLine: `${root.isPrivate ? "cmd /c " : ""}${substituted(commandLineOf(process), root)}`,
  };
}

/** Where a text names the variable for the root directory, the directory: without its last backslash. */
function substituted(text: string, root: JobRoot): string {
  const directory = root.path.slice(0, -1);
  return text.replaceAll(`%${VARIABLE}%`, () => directory).replaceAll(`$env:${VARIABLE}`, () => directory);
}

function workingDirectory(cwd: string, root: JobRoot): string {
  if (cwd === "") return root.path;
  const path = substituted(cwd, root);
  if (root.isPrivate || path !== cwd) return path;
  return win32.join(root.path, cwd.replace(/^[A-Za-z]:/, "") || "\\");
}

const SYSTEM_TOOLS = "C:\\WINDOWS\\System32\\WindowsPowerShell\\v1.0\\;C:\\WINDOWS\\System32\\Wbem";
const SYSTEM_ROOT = "SystemRoot=C:\\Windows";

function environment(own: readonly string[], root: JobRoot, userEnvironment: readonly string[]): string[] {
  const entries = [
    ...userEnvironment,
    ...own.map((entry) => substituted(entry, root)),
    `${VARIABLE}=${root.path}`,
  ].map((entry) => withRootInPath(entry, root));
  // Names are the same in any letter case; the last value wins.
  const byName = new Map<string, string>();
  for (const entry of entries) {
    const name = nameOf(entry);
    if (name !== "") byName.set(name, entry);
  }
  if (!byName.has("SYSTEMROOT")) byName.set("SYSTEMROOT", SYSTEM_ROOT);
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

/** Upper case. Names may begin with `=` (directories of drives). */
function nameOf(entry: string): string {
  const separator = entry.indexOf("=", 1);
  return separator < 0 ? "" : entry.slice(0, separator).toUpperCase();
}

function withRootInPath(entry: string, root: JobRoot): string {
  if (nameOf(entry) !== "PATH") return entry;
  const separator = entry.endsWith(";") ? "" : ";";
  return `${entry}${separator}${root.path};${SYSTEM_TOOLS}`;
}

/** A way to understand a command line: what to look for, and the command line when it is found. */
export interface ProgramCandidate {
  readonly program: string;
  readonly commandLine: string;
}

/**
 * The programs that a command line may mean, likeliest first: a path with blanks need not be quoted.
 *
 * @throws {SpecError} for a quote that does not end
 */
export function programCandidates(commandLine: string): ProgramCandidate[] {
  if (commandLine.startsWith('"')) {
    const end = commandLine.indexOf('"', 1);
    if (end < 0)
      throw new SpecError({
        at: "/process/commandLine",
        rule: "has a quote without an end",
        value: commandLine,
      });
    return [{ program: commandLine.slice(1, end), commandLine }];
  }
  const tokens = tokensOf(commandLine);
  return tokens.map((_, index) => {
    const program = tokens.slice(0, index + 1).join(" ");
    if (index === 0) return { program, commandLine };
    const rest = tokens.slice(index + 1).join(" ");
    return { program, commandLine: rest === "" ? `"${program}"` : `"${program}" ${rest}` };
  });
}

/** Split at blanks, except within quotes. */
function tokensOf(commandLine: string): string[] {
  return commandLine.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
}

/** Files that a program's name may stand for, in the order they are tried. */
export function programPaths(program: string, plan: JobProcessPlan): string[] {
  const names = win32.extname(program) === "" ? [`${program}.exe`, program] : [program];
  if (win32.isAbsolute(program)) return names.map((name) => win32.normalize(name));
  return searchDirectories(plan).flatMap((directory) => names.map((name) => win32.join(directory, name)));
}

function searchDirectories({ workingDirectory: cwd, environment: entries }: JobProcessPlan): string[] {
  const value = (name: string): string => {
    const entry = entries.find((candidate) => nameOf(candidate) === name);
    return entry?.slice(name.length + 1) ?? "";
  };
  const windows = value("SYSTEMROOT");
  const path = value("PATH")
    .split(";")
    .filter((directory) => directory !== "");
  return [cwd, ...path, `${windows}\\System32`, `${windows}\\System`, windows];
}
