/** Users, groups and their environment, as calls that block: a domain controller may have to be asked. */
import { HcsError } from "../../errors.ts";
import type { LogonRequest } from "../../port/jobs.ts";
import { Lane } from "../ffi/lane.ts";
import { lastErrorFailure } from "../ffi/last-error.ts";
import { ADVAPI32 } from "../ffi/libraries/advapi32.ts";
import { NETAPI32 } from "../ffi/libraries/netapi32.ts";
import { USERENV } from "../ffi/libraries/userenv.ts";
import { Library } from "../ffi/library.ts";
import { readText } from "../ffi/memory.ts";
import { win32Failure, type Attempt } from "../ffi/result.ts";
import { Structure } from "../ffi/structure.ts";
import { out, type Handle } from "../ffi/types.ts";

const lane = new Lane("accounts", 1);
const advapi32 = new Library(ADVAPI32, lane);
const netapi32 = new Library(NETAPI32, lane);
const userenv = new Library(USERENV, lane);

const LOGON32_PROVIDER_DEFAULT = 0;
const USER_PRIV_USER = 1;
const UF_NORMAL_ACCOUNT = 0x200;
const UF_DONT_EXPIRE_PASSWD = 0x1_0000;
const ERROR_NO_SUCH_ALIAS = 1376;
const NERR_GROUP_NOT_FOUND = 2220;

export const ACCOUNT_CALLS = {
  /** LogonUser. @returns a token's handle */
  logonUser({ user, domain, password, logonType }: LogonRequest): Handle {
    const token = out();
    const attempt = { operation: "log on user", target: domain === "" ? user : `${domain}\\${user}` };
    // A domain of NULL would mean that the user is written as name@domain; "." is this computer.
    const where = domain === "" ? "." : domain;
    const provider = LOGON32_PROVIDER_DEFAULT;
    if (advapi32.call("LogonUserW", user, where, password ?? null, logonType, provider, token) === 0)
      throw lastErrorFailure(attempt);
    return token[0];
  },

  hasLocalGroup(name: string): boolean {
    const information = out();
    const status = netapi32.call("NetLocalGroupGetInfo", null, name, 1, information);
    if (status === NERR_GROUP_NOT_FOUND || status === ERROR_NO_SUCH_ALIAS) return false;
    required(status, { operation: "look for local group", target: name });
    netapi32.call("NetApiBufferFree", information[0]);
    return true;
  },

  addUser(name: string, password: string): void {
    // USER_INFO_1: usri1_name 0, usri1_password 8, usri1_priv 20, usri1_flags 40.
    const user = new Structure(56)
      .text(0, name)
      .text(8, password)
      .u32(20, USER_PRIV_USER)
      .u32(40, UF_NORMAL_ACCOUNT | UF_DONT_EXPIRE_PASSWD);
    const wrongMember = out();
    const status = netapi32.call("NetUserAdd", null, 1, user.bytes, wrongMember);
    required(status, { operation: "add local account", target: name });
  },

  addToLocalGroup(group: string, user: string): void {
    // LOCALGROUP_MEMBERS_INFO_3: lgrmi3_domainandname 0.
    const member = new Structure(8).text(0, user);
    const status = netapi32.call("NetLocalGroupAddMembers", null, group, 3, member.bytes, 1);
    required(status, { operation: `add account "${user}" to local group`, target: group });
  },

  removeUser(name: string): void {
    required(netapi32.call("NetUserDel", null, name), { operation: "remove local account", target: name });
  },

  /** CreateEnvironmentBlock: `NAME=value` each. */
  environmentOf(token: Handle): string[] {
    const block = out();
    if (userenv.call("CreateEnvironmentBlock", block, token, 0) === 0)
      throw lastErrorFailure({ operation: "read the environment of a user" });
    try {
      return readTexts(block[0]);
    } finally {
      userenv.call("DestroyEnvironmentBlock", block[0]);
    }
  },
} as const;

export type AccountCalls = typeof ACCOUNT_CALLS;

/** Texts one after the other, up to an empty one. */
function readTexts(address: Handle): string[] {
  const texts: string[] = [];
  for (let at = BigInt(address); ;) {
    const text = readText(at);
    if (text === "") return texts;
    texts.push(text);
    at += BigInt(2 * (text.length + 1));
  }
}

/** Sentences for codes that the tables of Windows error codes do not have. */
const NERR: Readonly<Record<number, string>> = {
  2220: "the group does not exist",
  2221: "the account does not exist",
  2223: "the group exists already",
  2224: "the account exists already",
  2245: "the password does not meet the policy of this computer",
};

function required(status: number, attempt: Attempt): void {
  if (status === 0) return;
  const { operation, target, hresult } = win32Failure(status, attempt);
  const detail = NERR[status];
  throw new HcsError({
    operation,
    hresult,
    ...(target === undefined ? {} : { target }),
    ...(detail === undefined ? {} : { detail }),
  });
}
