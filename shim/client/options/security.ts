/** Security levels: what is taken from a container besides what its policy says. */
import type { JsonObject } from "../../../oci/json.ts";
import type { PathRule } from "../../../oci/policy/profiles.ts";
import { createPolicy, LOG_VARIABLE, type Policy } from "../../../oci/policy/policy.ts";
import type { IdLookup } from "../../../oci/policy/rules.ts";
import { ClientError } from "../errors.ts";
import type { ContainerOptions } from "./options.ts";

/**
 * - `default`: as the other options say
 * - `restricted`: no new privileges, containerv's capabilities; on Windows an ordinary user
 * - `strict`: no capabilities at all, nothing of the root file system can be changed unless asked for; on Windows neither
 *   HostProcess nor disks of the host
 */
export type SecurityLevel = "default" | "restricted" | "strict";

/** A policy of system calls and paths. Linux only. */
export interface PolicyChoice {
  /** Names of profiles: `hcsctl policy ls`. */
  readonly profiles: readonly string[];
  /** What ordinary C libraries need besides; on unless switched off. */
  readonly compat?: boolean;
  readonly noSpawn?: boolean;
  readonly noSockets?: boolean;
  /** `name arg0 arg1 …`, see `hcsctl policy show`. */
  readonly addSyscalls?: readonly string[];
  readonly addPaths?: readonly PathRule[];
  /** What is denied is allowed, and logged by the kernel. Also by `CONTAINERV_SECCOMP_LOG=1` in the environment. */
  readonly log?: boolean;
  /** Refuses to go on when the paths of the policy cannot be enforced. */
  readonly requirePaths?: boolean;
}

/** @throws {ClientError} for a policy that cannot be made, or not be enforced where it has to be */
export function policyOf(
  { policy, security = "default" }: ContainerOptions,
  environment: NodeJS.ProcessEnv,
  ids: IdLookup,
): Policy | undefined {
  if (policy === undefined) return undefined;
  if (policy.requirePaths === true)
    throw new ClientError(
      "Unimplemented",
      "cannot enforce the paths of the policy: guests have no means for it; leave requirePaths out",
      { field: "policy.requirePaths" },
    );
  const log = policy.log === true || environment[LOG_VARIABLE] === "1";
  if (log && security === "strict")
    throw new ClientError(
      "InvalidArgument",
      `invalid policy.log: must not be set with security "strict" (nor ${LOG_VARIABLE} in the environment)`,
      { field: "policy.log" },
    );
  const { profiles, requirePaths: _requirePaths, ...options } = policy;
  return createPolicy(profiles, { ...options, log, ids });
}

/** What a level makes of the process of a Linux container. */
export function securedLinuxProcess(process: JsonObject, level: SecurityLevel): JsonObject {
  if (level === "default") return process;
  const none = { bounding: [], effective: [], permitted: [] };
  return { ...process, noNewPrivileges: true, ...(level === "strict" ? { capabilities: none } : {}) };
}

const ADMINISTRATOR = "ContainerAdministrator";
const ORDINARY_USER = "ContainerUser";

/** … and of the user of a Windows container. @throws {ClientError} for an administrator */
export function securedWindowsUser(user: string | undefined, level: SecurityLevel): string | undefined {
  if (level === "default") return user;
  if (user?.toLowerCase() !== ADMINISTRATOR.toLowerCase()) return user ?? ORDINARY_USER;
  throw new ClientError(
    "InvalidArgument",
    `invalid user: must not be ${ADMINISTRATOR} with security "${level}"`,
    {
      field: "user",
    },
  );
}
