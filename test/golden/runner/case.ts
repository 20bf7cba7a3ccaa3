/** A golden case as it lies on disk: one folder with inputs, scripted answers and what the reference did with them. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { parseJson } from "../../../hcs/json.ts";
import type { HostEntry, Json, Platform } from "../../../hcs/scripted/platform.ts";

/** One step; which members it has depends on `op`. */
export interface Step extends Json {
  readonly op: string;
  readonly id?: string;
  readonly execId?: string;
}

export interface CaseOptions {
  readonly kind: string;
  readonly area?: string;
  /** The task the shim was started for. */
  readonly tid?: string;
  readonly isSandbox?: boolean;
  readonly platform: Platform;
  readonly files?: readonly HostEntry[];
  readonly steps?: readonly Step[];
}

export interface GoldenCase {
  /** Name of its folder. */
  readonly name: string;
  readonly directory: string;
  readonly options: CaseOptions;
}

/** Every case in and below `directory`, in the order of their paths. */
export function findCases(directory: string): GoldenCase[] {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`cannot find golden cases: "${directory}" is not a directory`);
  if (existsSync(join(directory, "options.json"))) return [readCase(directory)];
  return readdirSync(directory)
    .sort()
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isDirectory())
    .flatMap((path) => findCases(path));
}

function readCase(directory: string): GoldenCase {
  const options = readJson(join(directory, "options.json")) as CaseOptions;
  return { name: basename(directory), directory, options };
}

/** Cases that are about something else than this runner can see: whole processes, and single operations of HCS. */
export function isLeftOut({ options }: GoldenCase): boolean {
  return options.kind === "e2e" || options.platform?.recordOperations === true;
}

/** An input of a case, or one of its expectations, by its name in the folder. */
export function readCaseFile({ directory }: GoldenCase, name: string): unknown {
  return readJson(join(directory, name));
}

export function readCaseText({ directory }: GoldenCase, name: string): string {
  return readFileSync(join(directory, name), "utf8");
}

/** @returns undefined when the reference has no such file */
export function readExpected({ directory }: GoldenCase, name: string): unknown {
  const path = join(directory, "expected", name);
  return existsSync(path) ? readJson(path) : undefined;
}

const DOCUMENT = /^(?:uvm|container-.+)\.json$/;

/** Names of the documents that the reference made. */
export function expectedDocuments({ directory }: GoldenCase): string[] {
  const path = join(directory, "expected");
  return existsSync(path)
    ? readdirSync(path)
        .filter((name) => DOCUMENT.test(name))
        .sort()
    : [];
}

function readJson(path: string): unknown {
  try {
    return parseJson(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Error(`cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
