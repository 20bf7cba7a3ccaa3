/**
 * Users by name, looked up in the files of the image. A guest resolves names for containers of a pod alone: for all others
 * the numbers have to be in the spec.
 */
import type { IdLookup } from "../../../oci/policy/rules.ts";
import { ClientError } from "../errors.ts";

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

export interface UserFiles {
  /** Text of `/etc/passwd` and `/etc/group`; empty where there is none. */
  readonly passwd: string;
  readonly group: string;
}

/** Where the files are. */
export const USER_FILES = { passwd: "etc/passwd", group: "etc/group" } as const;

/** Whether a name has to be looked up. */
export function needsLookup(user: string): boolean {
  return user !== "" && !/^\d+:\d+$/.test(user);
}

/**
 * @param user `name`, `uid`, either with `:group` or `:gid`; empty: root
 * @throws {ClientError} InvalidArgument naming what is not in the files
 */
export function userIds(user: string, files: UserFiles): UserIds {
  const [name = "", groupName, ...rest] = user.split(":");
  if (rest.length > 0 || groupName === "" || (user !== "" && name === ""))
    throw refused(user, 'must be "user" or "user:group"');
  const rows = rowsOf(files.passwd);
  const groups = rowsOf(files.group);
  const row = rows.find(([login, , uid]) => (isNumber(name) ? uid === name : login === name));
  if (row === undefined && name !== "" && !isNumber(name))
    throw refused(user, `"${name}" is not in the image's /etc/passwd`);
  const uid = Number(row?.[2] ?? (name === "" ? 0 : name));
  const login = row?.[0];
  const additionalGids =
    groupName === undefined && login !== undefined
      ? groups
          .filter(([, , , members = ""]) => members.split(",").includes(login))
          .map(([, , gid]) => Number(gid))
      : [];
  const gid = groupName === undefined ? Number(row?.[3] ?? 0) : groupId(groupName, groups, user);
  return { uid, gid, additionalGids: additionalGids.filter((each) => each !== gid) };
}

function groupId(name: string, groups: readonly string[][], user: string): number {
  if (isNumber(name)) return Number(name);
  const row = groups.find(([group]) => group === name);
  if (row === undefined) throw refused(user, `"${name}" is not in the image's /etc/group`);
  return Number(row[2]);
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function rowsOf(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

function refused(user: string, rule: string): ClientError {
  return new ClientError("InvalidArgument", `invalid user: ${rule} (found "${user}")`, {
    field: "user",
    value: user,
  });
}

/** Numbers by name, for rules of a policy. */
export function lookupIn(files: UserFiles = { passwd: "", group: "" }): IdLookup {
  const idIn = (text: string) => (name: string) => {
    const id = rowsOf(text).find(([each]) => each === name)?.[2];
    return id === undefined ? undefined : Number(id);
  };
  return { user: idIn(files.passwd), group: idIn(files.group) };
}
