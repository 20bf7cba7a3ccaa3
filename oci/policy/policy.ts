/** A security policy out of profiles and additions, and what it puts into the spec of a Linux container. */
import { SpecError } from "../errors.ts";
import { isObject, type JsonObject } from "../json.ts";
import { nearestName } from "../nearest.ts";
import { credentialCalls } from "./credentials.ts";
import { FLOOR, PROBED, SPAWN } from "./groups.ts";
import { GROUPS, PROFILES, type PathRule, type Profile } from "./profiles.ts";
import { parseRule, type ArgumentCondition, type IdLookup } from "./rules.ts";

export interface PolicyOptions {
  /** What ordinary C libraries need besides; on unless it is switched off. */
  readonly compat?: boolean;
  /** No new processes: threads alone. */
  readonly noSpawn?: boolean;
  /** No sockets, not even as a client. */
  readonly noSockets?: boolean;
  /** Rules in the notation of `rules.ts`, added to the profiles. */
  readonly addSyscalls?: readonly string[];
  readonly addPaths?: readonly PathRule[];
  /** Everything is allowed, and what would have been denied is logged by the kernel. */
  readonly log?: boolean;
  /** Architecture in Node's words; that of this machine when absent. */
  readonly architecture?: string;
  /** Users and groups of the image; nobody when absent. */
  readonly ids?: IdLookup;
}

export interface Policy {
  /** Names of its profiles. */
  readonly names: readonly string[];
  /** `linux.seccomp`. */
  readonly seccomp: Seccomp;
  /** Without it the filter would be in force before the runtime has become the container's user. */
  readonly noNewPrivileges: true;
  readonly paths: readonly PathRule[];
  /** What is not as the profiles say. */
  readonly warnings: readonly string[];
}

export interface Seccomp {
  readonly defaultAction: "SCMP_ACT_ERRNO" | "SCMP_ACT_LOG";
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompEntry[];
}

export interface SeccompEntry {
  readonly names: readonly string[];
  readonly action: "SCMP_ACT_ALLOW" | "SCMP_ACT_ERRNO";
  readonly errnoRet?: number;
  readonly args?: readonly ArgumentCondition[];
}

const EPERM = 1;
const ENOSYS = 38;
/** As many entries as containerv's filters hold. */
const MOST_ENTRIES = 1024;
const MOST_PATHS = 256;
/** `clone` makes a thread, not a process. */
const CLONE_THREAD = 0x10000;

const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};

const NOBODY: IdLookup = { user: () => undefined, group: () => undefined };

/**
 * @param names of {@link PROFILES}; the union of what they allow
 * @throws {SpecError} for a name, a rule or a path that is none, and for more than a filter can hold
 */
export function createPolicy(names: readonly string[], options: PolicyOptions = {}): Policy {
  const { compat = true, noSpawn = false, noSockets = false, log = false, ids = NOBODY } = options;
  const profiles = names.map(profileNamed);
  if (profiles.length === 0)
    throw refused("/policy", `must name a profile: ${PROFILES.map(({ name }) => name).join(", ")}`, names);
  const warnings: string[] = [];
  const allowed = new Set<string>(FLOOR);
  for (const { groups } of profiles)
    for (const group of groups) for (const name of GROUPS[group]) allowed.add(name);
  if (compat) for (const name of GROUPS.compat) allowed.add(name);
  if (noSpawn) for (const name of SPAWN) allowed.delete(name);
  if (noSockets) for (const name of GROUPS.sockets) allowed.delete(name);

  const conditional: SeccompEntry[] = [];
  const denied = new Set<string>();
  for (const text of options.addSyscalls ?? []) {
    const rule = parseRule(text, ids);
    if (rule === undefined)
      warnings.push(`system call rule "${text}" is left out: the image has no such user or group`);
    else if (rule.deny) denied.add(rule.name);
    else if (rule.args.length === 0) allowed.add(rule.name);
    else conditional.push(allow([rule.name], rule.args));
  }
  const mostTrusted = profiles.some(({ credentials }) => credentials === "packages") ? "packages" : "root";
  const credentials = credentialCalls(
    profiles.every((each) => each.credentials === "none") ? "none" : mostTrusted,
    ids,
  );
  for (const name of credentials.missing)
    warnings.push(`rules for "${name}" are left out: the image has no such user or group`);
  conditional.push(...credentials.calls.map(({ names: calls, args }) => allow(calls, args)));
  if (noSpawn) conditional.push(...threadsOnly());
  for (const name of denied) allowed.delete(name);

  const entries = [
    allow([...allowed].sort(), []),
    // A rule without conditions wins over those with: the latter are of use for other calls alone.
    ...conditional
      .map((entry) => ({
        ...entry,
        names: entry.names.filter((name) => !allowed.has(name) && !denied.has(name)),
      }))
      .filter((entry) => entry.names.length > 0),
    ...(log ? [] : refusals(allowed, noSpawn)),
  ];
  if (entries.length > MOST_ENTRIES)
    throw refused("/policy/addSyscalls", `must not make more than ${MOST_ENTRIES} rules`, entries.length);
  if (log)
    warnings.push("security policy is not enforced: what it denies is allowed, and logged by the kernel");
  return {
    names: [...names],
    seccomp: {
      defaultAction: log ? "SCMP_ACT_LOG" : "SCMP_ACT_ERRNO",
      ...(log ? {} : { defaultErrnoRet: EPERM }),
      architectures: architecturesOf(options.architecture ?? process.arch),
      syscalls: entries,
    },
    noNewPrivileges: true,
    paths: pathsOf(profiles, options.addPaths ?? []),
    warnings,
  };
}

/** Variable that switches {@link PolicyOptions.log} on; exactly `1`. */
export const LOG_VARIABLE = "CONTAINERV_SECCOMP_LOG";
/** Annotation by which a container tells which policy it was made with. */
const POLICY_ANNOTATION = "runhcs.client/policy";

/**
 * The spec with the policy in force.
 *
 * @throws {SpecError} for a Windows container, for one that has a filter of its own, and for a privileged one, whose filter a
 *   guest would leave out
 */
export function withPolicy(document: JsonObject, policy: Policy, privileged = false): JsonObject {
  const { linux, process: program, annotations } = document;
  if (!isObject(linux))
    throw refused(
      "/policy",
      "must not be given for a Windows container: Windows has no filter of system calls",
      policy.names,
    );
  if (linux["seccomp"] !== undefined)
    throw refused(
      "/linux/seccomp",
      "must be absent when a policy is given: two filters cannot be combined",
      "present",
    );
  if (privileged)
    throw refused(
      "/policy",
      "must not be given for a privileged container: its guest leaves filters out",
      policy.names,
    );
  const name = `${policy.names.join(",")}${policy.seccomp.defaultAction === "SCMP_ACT_LOG" ? " (logging only)" : ""}`;
  return {
    ...document,
    annotations: { ...(isObject(annotations) ? annotations : {}), [POLICY_ANNOTATION]: name },
    process: { ...(isObject(program) ? program : {}), noNewPrivileges: true },
    linux: { ...linux, seccomp: policy.seccomp },
  };
}

function profileNamed(name: string): Profile {
  const profile = PROFILES.find((each) => each.name === name);
  if (profile !== undefined) return profile;
  const known = PROFILES.map((each) => each.name);
  const near = nearestName(name, known);
  throw refused(
    "/policy",
    near === undefined
      ? `must be of ${known.join(", ")}`
      : `there is no such profile, did you mean "${near}"?`,
    name,
  );
}

function allow(names: readonly string[], args: readonly ArgumentCondition[]): SeccompEntry {
  return { names, action: "SCMP_ACT_ALLOW", ...(args.length === 0 ? {} : { args }) };
}

/** The flags of clone are the first argument everywhere but on s390. */
function threadsOnly(): SeccompEntry[] {
  const thread: ArgumentCondition = {
    index: 0,
    value: CLONE_THREAD,
    valueTwo: CLONE_THREAD,
    op: "SCMP_CMP_MASKED_EQ",
  };
  return [allow(["clone"], [thread])];
}

function refusals(allowed: ReadonlySet<string>, noSpawn: boolean): SeccompEntry[] {
  // Without clone3 the C library falls back to clone, whose flags a filter can read.
  const names = [...PROBED, ...(noSpawn ? ["clone3"] : [])].filter((name) => !allowed.has(name));
  return [{ names, action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS }];
}

function architecturesOf(architecture: string): readonly string[] {
  const known = ARCHITECTURES[architecture];
  if (known !== undefined) return known;
  throw refused(
    "/policy",
    `must not be given on this architecture: known are ${Object.keys(ARCHITECTURES).join(", ")}`,
    architecture,
  );
}

/** Each path once, with all that anybody may do with it. */
function pathsOf(profiles: readonly Profile[], added: readonly PathRule[]): PathRule[] {
  const byPath = new Map<string, Set<string>>();
  for (const { path, access } of [...profiles.flatMap(({ paths }) => paths), ...added]) {
    if (!path.startsWith("/") || path.split("/").includes(".."))
      throw refused("/policy/addPaths", "must be an absolute path without ..", path);
    if (!/^[RWX]+$/.test(access))
      throw refused("/policy/addPaths", "must have an access of R, W and X", access);
    const known = byPath.get(path) ?? new Set<string>();
    for (const letter of access) known.add(letter);
    byPath.set(path, known);
  }
  if (byPath.size > MOST_PATHS)
    throw refused("/policy/addPaths", `must not have more than ${MOST_PATHS} paths`, byPath.size);
  return [...byPath].map(([path, letters]) => ({
    path,
    access: ["R", "W", "X"].filter((letter) => letters.has(letter)).join(""),
  }));
}

function refused(at: string, rule: string, value: unknown): SpecError {
  return new SpecError({ at, rule, value, refusal: "invalid argument" });
}
