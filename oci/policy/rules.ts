/**
 * System calls with conditions on their arguments, as text: `name arg0 arg1 …`, each argument `-` for any, a number, one of
 * `!N >N >=N <N <=N`, `|M` (all bits of M are set), `V|M` (the bits of M are V), `u:name` or `g:name` for the number of a user
 * or group of the image. `!` before the name denies the call.
 */
import { SpecError } from "../errors.ts";

/** A condition on one argument, in the words of the OCI specification. */
export interface ArgumentCondition {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: ArgumentOperator;
}

export type ArgumentOperator =
  | "SCMP_CMP_NE"
  | "SCMP_CMP_LT"
  | "SCMP_CMP_LE"
  | "SCMP_CMP_EQ"
  | "SCMP_CMP_GE"
  | "SCMP_CMP_GT"
  | "SCMP_CMP_MASKED_EQ";

export interface SyscallRule {
  readonly name: string;
  readonly deny: boolean;
  /** All of them have to hold. */
  readonly args: readonly ArgumentCondition[];
}

/** Numbers of users and groups in the image. Undefined: there is none of that name. */
export interface IdLookup {
  user(name: string): number | undefined;
  group(name: string): number | undefined;
}

const OPERATORS: readonly (readonly [RegExp, ArgumentOperator])[] = [
  [/^!(\d+)$/, "SCMP_CMP_NE"],
  [/^>=(\d+)$/, "SCMP_CMP_GE"],
  [/^<=(\d+)$/, "SCMP_CMP_LE"],
  [/^>(\d+)$/, "SCMP_CMP_GT"],
  [/^<(\d+)$/, "SCMP_CMP_LT"],
  [/^(\d+)$/, "SCMP_CMP_EQ"],
];

/** More arguments than this have no register that a filter could look at. */
const MOST_ARGUMENTS = 5;

/**
 * @returns undefined when it names a user or group that the image does not have: there is nobody to allow it to
 * @throws {SpecError} for anything that is no rule
 */
export function parseRule(text: string, ids: IdLookup, at = "/policy/addSyscalls"): SyscallRule | undefined {
  const [head = "", ...words] = text.trim().split(/\s+/);
  const deny = head.startsWith("!");
  const name = deny ? head.slice(1) : head;
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw refused(at, "must begin with the name of a system call", text);
  if (words.length > MOST_ARGUMENTS) throw refused(at, `must have at most ${MOST_ARGUMENTS} arguments`, text);
  const args: ArgumentCondition[] = [];
  for (const [index, word] of words.entries()) {
    if (word === "-") continue;
    const condition = parseCondition(index, word, ids);
    if (condition === "nobody") return undefined;
    if (condition === undefined) throw refused(at, `must not have the argument "${word}"`, text);
    args.push(condition);
  }
  if (deny && args.length > 0)
    throw refused(
      at,
      "must not deny under a condition: leave it out, and allow under the opposite one",
      text,
    );
  return { name, deny, args };
}

function parseCondition(
  index: number,
  word: string,
  ids: IdLookup,
): ArgumentCondition | "nobody" | undefined {
  const [, kind, who = ""] = /^([ug]):(.+)$/.exec(word) ?? [];
  if (kind !== undefined) {
    const value = kind === "u" ? ids.user(who) : ids.group(who);
    return value === undefined ? "nobody" : { index, value, op: "SCMP_CMP_EQ" };
  }
  const [, datum, mask] = /^(\d*)\|(\d+)$/.exec(word) ?? [];
  if (mask !== undefined) {
    const value = Number(mask);
    // `value` is the mask, `valueTwo` what is left of the argument under it.
    return { index, value, valueTwo: datum === "" ? value : Number(datum), op: "SCMP_CMP_MASKED_EQ" };
  }
  for (const [form, op] of OPERATORS) {
    const number = form.exec(word)?.[1];
    if (number !== undefined) return { index, value: Number(number), op };
  }
  return undefined;
}

function refused(at: string, rule: string, value: string): SpecError {
  return new SpecError({ at, rule, value, refusal: "invalid argument" });
}
