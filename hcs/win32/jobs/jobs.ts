/** Job objects, tokens and local accounts of a Windows host. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { win32 } from "node:path";
import type { CallOptions } from "../../api.ts";
import { hresultFromWin32 } from "../../hresult.ts";
import type { HostJobs, Job, JobInit, LogonRequest, Token } from "../../port/jobs.ts";
import { Lane } from "../ffi/lane.ts";
import { lastError, lastErrorFailure } from "../ffi/last-error.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_JOBS } from "../ffi/libraries/kernel32-jobs.ts";
import { NTDLL } from "../ffi/libraries/ntdll.ts";
import { Library } from "../ffi/library.ts";
import { failure, win32Failure, type Attempt } from "../ffi/result.ts";
import { Structure, textBytes } from "../ffi/structure.ts";
import { out, type Handle } from "../ffi/types.ts";
import type { NativeThread, ThreadCalls } from "../threads/native-thread.ts";
import type { AccountCalls } from "./account-calls.ts";
import { JobEvents } from "./job-events.ts";
import { Win32Job } from "./job.ts";
import type { LaunchCalls } from "./launch-calls.ts";
import { handleOf, Win32Token } from "./token.ts";

const lane = new Lane("jobs", 1);
const kernel32 = new Library(KERNEL32, lane);
const jobs = new Library(KERNEL32_JOBS, lane);
const ntdll = new Library(NTDLL, lane);

const JOB_OBJECT_ALL_ACCESS = 0x1f_001f;
const ERROR_ALREADY_EXISTS = 183;
const OBJ_CASE_INSENSITIVE = 0x40;

/** Threads of their own, for what may block. */
export interface JobThreads {
  /** Logging on, accounts, groups. */
  readonly accounts: NativeThread;
  /** Starting processes. */
  readonly launches: NativeThread;
  /** Waiting for what jobs tell. */
  readonly events: NativeThread;
}

export class Win32Jobs implements HostJobs {
  readonly #accounts: ThreadCalls<AccountCalls>;
  readonly #launches: ThreadCalls<LaunchCalls>;
  readonly #events: JobEvents;

  constructor({ accounts, launches, events }: JobThreads) {
    this.#accounts = accounts.calls<AccountCalls>("accounts");
    this.#launches = launches.calls<LaunchCalls>("launches");
    this.#events = new JobEvents(events);
  }

  get canBindFiles(): boolean {
    const root = process.env["SystemRoot"] ?? "C:\\Windows";
    return existsSync(win32.join(root, "System32", "bindfltapi.dll"));
  }

  async create({ name, ioTracking, notifications }: JobInit, { signal }: CallOptions = {}): Promise<Job> {
    signal?.throwIfAborted();
    const attempt = { operation: "create job", target: name };
    const handle = jobs.call("CreateJobObjectW", null, name);
    const error = lastError();
    if (isNone(handle)) throw win32Failure(error, attempt);
    if (error === ERROR_ALREADY_EXISTS) {
      // A handle to somebody else's job.
      kernel32.call("CloseHandle", handle);
      throw win32Failure(error, attempt);
    }
    const job = this.#job(name, handle);
    try {
      if (notifications) job.enableNotifications();
      if (ioTracking) job.enableIoTracking();
    } catch (cause) {
      await job.close();
      throw cause;
    }
    return job;
  }

  async open(name: string, nt: boolean, { signal }: CallOptions = {}): Promise<Job> {
    signal?.throwIfAborted();
    const attempt = { operation: "open job", target: name };
    return this.#job(name, nt ? openByObjectName(name, attempt) : openByName(name, attempt));
  }

  async ownToken({ signal }: CallOptions = {}): Promise<Token> {
    signal?.throwIfAborted();
    return Win32Token.own();
  }

  async logonUser(request: LogonRequest, options?: CallOptions): Promise<Token> {
    const release = (late: Handle): Promise<void> => new Win32Token(late).close();
    return new Win32Token(await this.#accounts.logonUser([request], { ...options, release }));
  }

  hasLocalGroup(name: string, options?: CallOptions): Promise<boolean> {
    return this.#accounts.hasLocalGroup([name], options);
  }

  async addUser(name: string, options?: CallOptions): Promise<string> {
    const password = newPassword();
    await this.#accounts.addUser([name, password], { ...options, release: () => this.removeUser(name) });
    return password;
  }

  addToLocalGroup(group: string, user: string, options?: CallOptions): Promise<void> {
    return this.#accounts.addToLocalGroup([group, user], options);
  }

  removeUser(name: string, options?: CallOptions): Promise<void> {
    return this.#accounts.removeUser([name], options);
  }

  async environmentOf(token: Token, options?: CallOptions): Promise<string[]> {
    return this.#accounts.environmentOf([handleOf(token)], options);
  }

  close(): void {
    this.#events.close();
  }

  #job(name: string, handle: Handle): Win32Job {
    return new Win32Job(name, handle, this.#launches, this.#events);
  }
}

function openByName(name: string, attempt: Attempt): Handle {
  const handle = jobs.call("OpenJobObjectW", JOB_OBJECT_ALL_ACCESS, 0, name);
  if (isNone(handle)) throw lastErrorFailure(attempt);
  return handle;
}

/** By its path in the object manager, where jobs of containers are (`\Container_<id>`). */
function openByObjectName(name: string, attempt: Attempt): Handle {
  const text = textBytes(name);
  // UNICODE_STRING: Length 0 and MaximumLength 2 in bytes, Buffer 8. OBJECT_ATTRIBUTES: Length 0, ObjectName 16, Attributes 24.
  const unicode = new Structure(16)
    .u16(0, text.length - 2)
    .u16(2, text.length)
    .pointer(8, text);
  const attributes = new Structure(48).u32(0, 48).pointer(16, unicode.bytes).u32(24, OBJ_CASE_INSENSITIVE);
  const handle = out();
  const status = ntdll.call("NtOpenJobObject", handle, JOB_OBJECT_ALL_ACCESS, attributes.bytes);
  if (status < 0) throw failure(hresultFromWin32(ntdll.call("RtlNtStatusToDosError", status)), attempt);
  return handle[0];
}

/** Meets the strictest policy: all four kinds of characters, and longer than anybody demands. */
function newPassword(): string {
  return `aA1!${randomBytes(24).toString("base64url")}`;
}

function isNone(handle: Handle): boolean {
  return BigInt(handle) === 0n;
}
