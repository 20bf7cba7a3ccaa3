/** Becoming another user, under conditions: root's own numbers, and those of apt's user where packages are installed. */
import type { ArgumentCondition, IdLookup } from "./rules.ts";

/** An entry of the filter: one call, and what its arguments have to be. */
export interface ConditionalCall {
  readonly names: readonly string[];
  readonly args: readonly ArgumentCondition[];
}

/** −1 as a 32-bit argument: `leave as it is`. */
const UNCHANGED = -1;
const ALL_BITS = 0xffff_ffff;

/** Numbers, by position: `[0, -1]` is `(0, −1)`. */
function call(name: string, ...values: readonly number[]): ConditionalCall {
  return {
    names: [name, `${name}32`],
    args: values.map((value, index) => ({
      index,
      // The mask is what makes a negative number of 32 bits equal to itself.
      value: ALL_BITS,
      valueTwo: value === UNCHANGED ? ALL_BITS : value,
      op: "SCMP_CMP_MASKED_EQ",
    })),
  };
}

const ROOT: readonly ConditionalCall[] = [
  call("setgroups", 0),
  call("setuid", 0),
  call("setgid", 0),
  ...["setreuid", "setregid"].flatMap((name) => [
    call(name, 0, 0),
    call(name, UNCHANGED, 0),
    call(name, 0, UNCHANGED),
  ]),
  ...["setresuid", "setresgid"].flatMap((name) => become(name, 0)),
];

function become(name: string, id: number): ConditionalCall[] {
  return [call(name, id, id, id), call(name, UNCHANGED, id, UNCHANGED), call(name, UNCHANGED, UNCHANGED, id)];
}

/** Users of package managers, who are not in every image. */
const PACKAGE_USER = "_apt";
const PACKAGE_GROUP = "nogroup";

export function credentialCalls(
  kind: "none" | "root" | "packages",
  ids: IdLookup,
): { readonly calls: readonly ConditionalCall[]; readonly missing: readonly string[] } {
  if (kind === "none") return { calls: [], missing: [] };
  if (kind === "root") return { calls: ROOT, missing: [] };
  const uid = ids.user(PACKAGE_USER);
  const gid = ids.group(PACKAGE_GROUP);
  return {
    calls: [
      ...ROOT,
      call("setgroups", 1),
      ...(gid === undefined ? [] : become("setresgid", gid)),
      ...(uid === undefined ? [] : become("setresuid", uid)),
    ],
    missing: [...(uid === undefined ? [PACKAGE_USER] : []), ...(gid === undefined ? [PACKAGE_GROUP] : [])],
  };
}
