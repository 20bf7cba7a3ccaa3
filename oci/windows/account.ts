/** Whom a HostProcess container on the host runs as. */
import { inheritUser } from "../annotations/host-process.ts";
import { SpecError } from "../errors.ts";
import type { Spec } from "../spec.ts";

export type Account =
  /** The shim's own. */
  | { readonly kind: "inherited" }
  /** An account of its own, in a local group when there is one of this name; otherwise the account of this name. */
  | { readonly kind: "named"; readonly name: string };

/** Local accounts have names of 20 characters at most. */
const LONGEST_NAME = 20;

/** The account made for a container that runs in a local group. */
export function temporaryAccount(containerId: string): string {
  return containerId.slice(0, LONGEST_NAME);
}

/** @throws {SpecError} when nobody is named */
export function accountOf(spec: Spec): Account {
  if (spec.annotations[inheritUser.key] === "true") return { kind: "inherited" };
  const name = spec.process?.username ?? "";
  if (name !== "") return { kind: "named", name };
  throw new SpecError({
    at: "/process/user/username",
    rule: `empty username or group name passed: name one, or set annotation ${inheritUser.key}`,
  });
}

export interface Logon {
  readonly user: string;
  /** Empty: this computer's own accounts. */
  readonly domain: string;
  /** Accounts of the system itself log on as services. */
  readonly asService: boolean;
}

const SYSTEM_DOMAIN = "NT AUTHORITY";

/** Takes `DOMAIN\name` or `name` apart. @throws {SpecError} */
export function logonOf(name: string): Logon {
  const parts = name.split("\\");
  if (parts.length > 2)
    throw new SpecError({ at: "/process/user/username", rule: "must be DOMAIN\\name or name", value: name });
  const [first = "", second] = parts;
  const [domain, user] = second === undefined ? ["", first] : [first, second];
  return { user, domain, asService: domain === SYSTEM_DOMAIN };
}
