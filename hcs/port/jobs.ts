/**
 * Job objects, silos, tokens and local accounts: what a HostProcess container in process isolation is made of. Only
 * where the host is Windows (or stands in for it).
 */
import type { CallOptions } from "./call.ts";
import type { ConsoleSize, HcsProcess, ProcessSignal, SignalOutcome } from "./process.ts";
import type { ProcessListEntry } from "../schema/properties.ts";

export interface HostJobs {
  /** The bind filter is there: containers can have a root of their own at `C:\hpc` (`bindfltapi.dll`). */
  readonly canBindFiles: boolean;
  /** CreateJobObject. */
  create(init: JobInit, options?: CallOptions): Promise<Job>;
  /** OpenJobObject; `name` with its namespace when `nt`. */
  open(name: string, nt: boolean, options?: CallOptions): Promise<Job>;
  /** OpenProcessToken of this process. */
  ownToken(options?: CallOptions): Promise<Token>;
  logonUser(request: LogonRequest, options?: CallOptions): Promise<Token>;
  /** NetLocalGroupGetInfo. */
  hasLocalGroup(name: string, options?: CallOptions): Promise<boolean>;
  /** NetUserAdd, with a password of the platform's making. @returns that password */
  addUser(name: string, options?: CallOptions): Promise<string>;
  /** NetLocalGroupAddMembers. */
  addToLocalGroup(group: string, user: string, options?: CallOptions): Promise<void>;
  /** NetUserDel. */
  removeUser(name: string, options?: CallOptions): Promise<void>;
  /** The environment of a new process of this user (CreateEnvironmentBlock), `NAME=value`. */
  environmentOf(token: Token, options?: CallOptions): Promise<string[]>;
}

export interface JobInit {
  readonly name: string;
  /** IO counters are wanted (SetIoTracking). */
  readonly ioTracking: boolean;
  /** Notifications are delivered ({@link Job.onOutOfMemory}, {@link Job.emptied}). */
  readonly notifications: boolean;
}

/** JOBOBJECT_EXTENDED_LIMIT_INFORMATION, as far as it is used. */
export interface ExtendedLimit {
  readonly limitFlags: number;
  readonly affinity: number;
  /** Bytes. */
  readonly jobMemoryLimit: number;
}

/** JOBOBJECT_CPU_RATE_CONTROL_INFORMATION. `value` is the rate (1/100 of a percent) or the weight. */
export interface CpuRateControl {
  readonly controlFlags: number;
  readonly value: number;
}

/** JOBOBJECT_IO_RATE_CONTROL_INFORMATION. */
export interface IoRateControl {
  readonly controlFlags: number;
  readonly maxIops: number;
  /** Bytes per second. */
  readonly maxBandwidth: number;
}

export interface GroupAffinity {
  readonly group: number;
  readonly mask: number;
}

export interface JobStatistics {
  readonly totalUserTime100ns: number;
  readonly totalKernelTime100ns: number;
  readonly memoryBytes: number;
  readonly peakMemoryBytes: number;
  readonly readOperations: number;
  readonly readBytes: number;
  readonly writeOperations: number;
  readonly writeBytes: number;
}

/** A handle to a job object; what runs in it goes on when the handle is closed. */
export interface Job {
  /**
   * Calls back each time a process asked for more than the memory limit of the job leaves
   * (JOB_OBJECT_MSG_JOB_MEMORY_LIMIT). The process is refused the memory; what it makes of that is its own affair.
   */
  onOutOfMemory(listener: () => void): void;
  setExtendedLimit(limit: ExtendedLimit, options?: CallOptions): Promise<void>;
  setCpuRateControl(control: CpuRateControl, options?: CallOptions): Promise<void>;
  setIoRateControl(control: IoRateControl, options?: CallOptions): Promise<void>;
  setGroupAffinities(affinities: readonly GroupAffinity[], options?: CallOptions): Promise<void>;
  /** Makes it a silo, which is what file bindings need. */
  promoteToSilo(options?: CallOptions): Promise<void>;
  /** BfSetupFilter: shows `target` at `root` to the processes of this silo alone. */
  applyFileBinding(binding: FileBinding, options?: CallOptions): Promise<void>;
  /** CreateProcess in this job. Its exit code counts also when the job was terminated. */
  createProcess(request: JobProcessRequest, options?: CallOptions): Promise<HcsProcess>;
  processIds(options?: CallOptions): Promise<number[]>;
  /** What is in the job now, each with what the system tells of it; what ends while it is asked is left out. */
  processes(options?: CallOptions): Promise<ProcessListEntry[]>;
  /** Delivers a console event to any process of the job. */
  signalProcess(processId: number, signal: ProcessSignal, options?: CallOptions): Promise<SignalOutcome>;
  /** Resolves when no process is left in the job: at once when there is none. */
  emptied(options?: CallOptions): Promise<void>;
  statistics(options?: CallOptions): Promise<JobStatistics>;
  /** TerminateJobObject: everything in it ends with this code. */
  terminate(exitCode: number, options?: CallOptions): Promise<void>;
  close(): Promise<void>;
}

export interface FileBinding {
  readonly root: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface JobProcessRequest {
  /** Path of the program. */
  readonly path: string;
  readonly commandLine: string;
  /** `NAME=value`, complete and sorted. */
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly token: Token;
  /** CREATE_* flags beside those the platform adds itself. */
  readonly flags: number;
  /** A console that can be resized. */
  readonly pseudoConsole: boolean;
  /** Of the console; 80 by 25 without. */
  readonly consoleSize?: ConsoleSize;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Values of `logonType` (LOGON32_LOGON_*). */
export const LOGON_TYPE = { interactive: 2, service: 5 } as const;

export interface LogonRequest {
  readonly user: string;
  /** Empty: this computer's own accounts. */
  readonly domain: string;
  readonly password?: string;
  readonly logonType: number;
}

/** An access token; to be closed when nothing is started with it any more. */
export interface Token {
  close(): Promise<void>;
}
