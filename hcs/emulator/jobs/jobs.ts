/** Job objects, tokens and accounts of the emulated machine: what HostProcess containers on it are made of. */
import { randomUUID } from "node:crypto";
import type { CallOptions } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { hresultFromWin32 } from "../../hresult.ts";
import type { HostJobs, Job, JobInit, LogonRequest, Token } from "../../port/jobs.ts";
import type { Calls } from "../calls.ts";
import type { FaultOperation } from "../faults.ts";
import type { EmulatedComputeSystems } from "../systems/compute-systems.ts";
import type { WindowsHost } from "../windows/host.ts";
import { Accounts, isLocalGroup } from "./accounts.ts";
import { EmulatedJob } from "./job.ts";
import { EmulatedToken } from "./token.ts";

const ERROR_LOGON_FAILURE = 1326;
const NERR_GROUP_NOT_FOUND = 2220;
const NERR_USER_NOT_FOUND = 2221;

export interface JobsInit {
  readonly calls: Calls;
  readonly stateDirectory: string;
  readonly systems: EmulatedComputeSystems;
  readonly host: WindowsHost;
  readonly processors: number;
}

export class EmulatedJobs implements HostJobs {
  /** What a container's root is bound to is seen by that container alone. */
  readonly canBindFiles = true;
  readonly #init: JobsInit;
  readonly #accounts: Accounts;

  constructor(init: JobsInit) {
    this.#init = init;
    this.#accounts = new Accounts(init.stateDirectory);
  }

  create(init: JobInit, options: CallOptions = {}): Promise<Job> {
    return this.#run("jobs.create", "create job", init.name, options, async (subject) => {
      await this.#init.host.require(subject);
      return new EmulatedJob(init.name, this.#init);
    });
  }

  open(name: string, _nt: boolean, options: CallOptions = {}): Promise<Job> {
    return this.#run("jobs.open", "open job", name, options, (subject) => {
      const detail = "the emulator does not place processors, which is what jobs are opened for";
      throw new HcsError({ ...subject, hresult: HRESULT.notSupported, detail });
    });
  }

  ownToken(options: CallOptions = {}): Promise<Token> {
    return this.#run(
      "jobs.logonUser",
      "open token of",
      "this process",
      options,
      () => new EmulatedToken("SYSTEM"),
    );
  }

  logonUser({ user, domain }: LogonRequest, options: CallOptions = {}): Promise<Token> {
    const target = domain === "" ? user : `${domain}\\${user}`;
    return this.#run("jobs.logonUser", "log on as", target, options, (subject) => {
      if (this.#accounts.exists(user, domain)) return new EmulatedToken(user);
      const detail = "the emulated machine has no such account";
      throw new HcsError({ ...subject, hresult: hresultFromWin32(ERROR_LOGON_FAILURE), detail });
    });
  }

  hasLocalGroup(name: string, options: CallOptions = {}): Promise<boolean> {
    return this.#run("jobs.accounts", "look up group", name, options, () => isLocalGroup(name));
  }

  addUser(name: string, options: CallOptions = {}): Promise<string> {
    return this.#run("jobs.accounts", "add account", name, options, () => {
      this.#accounts.add(name);
      return randomUUID();
    });
  }

  addToLocalGroup(group: string, user: string, options: CallOptions = {}): Promise<void> {
    return this.#run("jobs.accounts", `add to group ${group} account`, user, options, (subject) => {
      const groups = this.#accounts.groupsOf(user);
      if (groups === undefined)
        throw new HcsError({ ...subject, hresult: hresultFromWin32(NERR_USER_NOT_FOUND) });
      if (!isLocalGroup(group))
        throw new HcsError({ ...subject, hresult: hresultFromWin32(NERR_GROUP_NOT_FOUND) });
      this.#accounts.setGroups(user, [...groups, group]);
    });
  }

  removeUser(name: string, options: CallOptions = {}): Promise<void> {
    return this.#run("jobs.accounts", "remove account", name, options, () => this.#accounts.remove(name));
  }

  environmentOf(token: Token, options: CallOptions = {}): Promise<string[]> {
    const { user } = token as EmulatedToken;
    return this.#run("jobs.accounts", "read the environment of", user, options, () => environmentOf(user));
  }

  #run<T>(
    operation: FaultOperation,
    phrase: string,
    target: string,
    options: CallOptions,
    body: (subject: { readonly operation: string; readonly target: string }) => T | Promise<T>,
  ): Promise<T> {
    return this.#init.calls.run(operation, { phrase, target, ...options }, () =>
      body({ operation: phrase, target }),
    );
  }
}

/** What every process of Windows has. */
function environmentOf(user: string): string[] {
  const system = "C:\\windows\\system32";
  return [
    `ComSpec=${system}\\cmd.exe`,
    "OS=Windows_NT",
    `Path=${system};C:\\windows;${system}\\wbem`,
    "PATHEXT=.COM;.EXE;.BAT;.CMD",
    "ProgramData=C:\\ProgramData",
    "ProgramFiles=C:\\Program Files",
    "SystemDrive=C:",
    "SystemRoot=C:\\windows",
    "TEMP=C:\\windows\\temp",
    "TMP=C:\\windows\\temp",
    `USERNAME=${user}`,
    "windir=C:\\windows",
  ];
}
