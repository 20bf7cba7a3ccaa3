/** A golden case as it lies on disk: one folder with inputs, scripted answers and what the reference did with them. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { parseJson } from "../../../hcs/json.ts";

export type Json = Readonly<Record<string, unknown>>;

/** A file or directory that is on the host before the run. */
export interface HostEntry {
  readonly path: string;
  readonly dir?: boolean;
  /** Bytes, for files whose content does not matter. */
  readonly size?: number;
  readonly content?: string;
}

export interface ScriptedFailure {
  readonly call: string;
  /** A piece of the call's JSON text; every call of that name without it. */
  readonly match?: string;
  /** Unsigned 32 bits. */
  readonly hresult: number;
  /** Only this one of the calls that match, counted from 1. */
  readonly nth?: number;
}

export interface ScriptedGuestExec {
  /** A piece of the command line. */
  readonly match: string;
  readonly stdout?: string;
  readonly exit?: number;
}

/** What the machine answers. */
export interface Platform {
  readonly windowsBuild: number;
  readonly hostProcessors: number;
  readonly vmRuntimeId: string;
  /** `C:` → volume path. */
  readonly driveVolumes?: Readonly<Record<string, string>>;
  readonly fileBindingSupported?: boolean;
  /** Layer directory → volume path of its scratch. */
  readonly scratchVolumes?: Readonly<Record<string, string>>;
  /** Container id → its `SystemGUID`. */
  readonly containerSystemGuids?: Readonly<Record<string, string>>;
  readonly namespaces?: readonly ScriptedNamespace[];
  readonly endpoints?: readonly Json[];
  /** Reply of the guest to the negotiation; one that can everything by default. */
  readonly guestCapabilities?: Json;
  readonly guestExec?: readonly ScriptedGuestExec[];
  readonly localGroups?: readonly string[];
  readonly fail?: readonly ScriptedFailure[];
  readonly recordOperations?: boolean;
}

export interface ScriptedNamespace {
  readonly id: string;
  readonly namespaceId?: number;
  readonly type?: string;
  /** Ids. */
  readonly endpoints?: readonly string[];
}

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
  return existsSync(path) ? readdirSync(path).filter((name) => DOCUMENT.test(name)).sort() : [];
}

function readJson(path: string): unknown {
  try {
    return parseJson(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Error(`cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
