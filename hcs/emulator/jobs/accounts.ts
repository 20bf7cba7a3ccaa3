/**
 * Local accounts and groups of the emulated machine. Accounts that are made are files, so that any process that uses the
 * same emulator knows and removes them.
 */
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** By their case-folded names. */
const GROUPS: ReadonlySet<string> = new Set(["administrators", "users", "guests", "remote desktop users"]);
const BUILT_IN: ReadonlySet<string> = new Set(["administrator", "guest", "defaultaccount"]);
/** Accounts of services, in the domain `NT AUTHORITY`. */
const SERVICES: ReadonlySet<string> = new Set(["system", "local service", "network service"]);
const SERVICE_DOMAIN = "nt authority";

export function isLocalGroup(name: string): boolean {
  return GROUPS.has(name.toLowerCase());
}

/** Where the account `name` is kept; names of Windows have no slash. */
export function accountFile(stateDirectory: string, name: string): string {
  return join(stateDirectory, "accounts", encodeURIComponent(name.toLowerCase()));
}

export class Accounts {
  readonly #stateDirectory: string;

  constructor(stateDirectory: string) {
    this.#stateDirectory = stateDirectory;
  }

  /** Whether somebody can log on so. */
  exists(user: string, domain: string): boolean {
    const name = user.toLowerCase();
    if (domain.toLowerCase() === SERVICE_DOMAIN) return SERVICES.has(name);
    return BUILT_IN.has(name) || this.groupsOf(user) !== undefined;
  }

  /** The groups of an account that was made; undefined when there is none. */
  groupsOf(user: string): string[] | undefined {
    try {
      return JSON.parse(readFileSync(accountFile(this.#stateDirectory, user), "utf8")) as string[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** @throws `EEXIST` */
  add(user: string): void {
    const file = accountFile(this.#stateDirectory, user);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, "[]", { flag: "wx", mode: 0o600 });
  }

  setGroups(user: string, groups: readonly string[]): void {
    writeFileSync(accountFile(this.#stateDirectory, user), JSON.stringify(groups), { mode: 0o600 });
  }

  remove(user: string): void {
    removeAccount(this.#stateDirectory, user);
  }
}

/** Removes an account that was made; one that is not there is success. */
export function removeAccount(stateDirectory: string, user: string): void {
  const file = accountFile(stateDirectory, user);
  rmSync(file, { force: true });
  for (const directory of [dirname(file), stateDirectory]) {
    try {
      rmdirSync(directory);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTEMPTY" && code !== "EBUSY") throw error;
    }
  }
}
