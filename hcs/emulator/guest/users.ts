/** Users named by a spec (`user`, `uid`, `user:group`, …), resolved against a container's passwd and group files. */
import { readInRoot } from "./container-root.ts";
import { GuestError, RESULT } from "./errors.ts";

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
}

/** Rows of a passwd or group file. */
type Rows = readonly (readonly string[])[];

/** Resolves `name` in the root file system `root`. */
export function resolveUser(root: string, name: string): ResolvedUser {
  return resolveUserIn(
    name,
    readInRoot(root, "/etc/passwd") ?? "",
    () => readInRoot(root, "/etc/group") ?? "",
  );
}

/** … and without a file system. `group` is asked for only when `name` names a group. */
export function resolveUserIn(name: string, passwd: string, group: () => string): ResolvedUser {
  const [user = "", groupName, ...rest] = name.split(":");
  if (user === "" || groupName === "" || rest.length > 0) {
    throw new GuestError(RESULT.failed, `invalid user "${name}": it is not "user" or "user:group"`);
  }
  const entry = findUser(user, rowsOf(passwd));
  return { uid: entry.uid, gid: groupName === undefined ? entry.gid : findGroup(groupName, rowsOf(group())) };
}

/** A number that is in no row is kept, with group 0; a name must be in a row. */
function findUser(user: string, rows: Rows): ResolvedUser {
  const isNumber = /^\d+$/.test(user);
  const row = rows.find(([name, , uid]) => (isNumber ? uid === user : name === user));
  if (row === undefined && isNumber) return { uid: idOf(user, "user"), gid: 0 };
  if (row === undefined)
    throw new GuestError(RESULT.failed, `user "${user}" is not in the container's /etc/passwd`);
  return { uid: idOf(row[2] ?? "", "user"), gid: idOf(row[3] ?? "", "group") };
}

function findGroup(group: string, rows: Rows): number {
  if (/^\d+$/.test(group)) return idOf(group, "group");
  const row = rows.find(([name]) => name === group);
  if (row === undefined)
    throw new GuestError(RESULT.failed, `group "${group}" is not in the container's /etc/group`);
  return idOf(row[2] ?? "", "group");
}

function idOf(text: string, what: string): number {
  const id = Number(text);
  if (/^\d+$/.test(text) && id <= 0xffff_ffff) return id;
  throw new GuestError(RESULT.failed, `invalid ${what} id "${text}"`);
}

function rowsOf(file: string): Rows {
  return file
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}
