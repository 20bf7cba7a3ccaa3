/** Job objects, tokens and local accounts of the scripted machine. */
import type { HcsProcess, SignalOutcome } from "../api.ts";
import type {
  CpuRateControl,
  ExtendedLimit,
  FileBinding,
  GroupAffinity,
  HostJobs,
  IoRateControl,
  Job,
  JobInit,
  JobProcessRequest,
  JobStatistics,
  LogonRequest,
  Token,
} from "../port/jobs.ts";
import type { TraceEntry } from "./recorder.ts";
import type { ProcessListEntry } from "../schema/properties.ts";
import { processListEntry, type Machine } from "./machine.ts";
import { ScriptedProcess, type ProcessCalls } from "./process.ts";

/** Exit code of a process that was ended with its job. */
const ENDED = 1;

/** What every user's environment has. */
const USER_ENVIRONMENT = [
  "PATH=C:\\Windows\\system32;C:\\Windows",
  "SystemRoot=C:\\Windows",
  "USERPROFILE=C:\\Users\\someone",
];

/** What is done to single processes of a job is not in traces. */
const UNRECORDED: ProcessCalls = {
  signal: () => undefined,
  terminate: () => undefined,
  resize: () => undefined,
  closeStdin: () => undefined,
};

const TOKEN: Token = { close: async () => undefined };

export class ScriptedJobs implements HostJobs {
  readonly #machine: Machine;
  readonly #jobs: ScriptedJob[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  get canBindFiles(): boolean {
    return this.#machine.platform.fileBindingSupported === true;
  }

  async create({ name, ioTracking, notifications }: JobInit): Promise<Job> {
    this.#attempt({ call: "JobObject.Create", ioTracking, name, notifications, nt: false, silo: false });
    return this.#add();
  }

  async open(name: string, nt: boolean): Promise<Job> {
    this.#attempt({ call: "JobObject.Open", name, nt });
    return this.#add();
  }

  /** A process of every job asks for more memory than it may have. */
  refuseMemory(): void {
    for (const job of this.#jobs) job.refuseMemory();
  }

  #add(): ScriptedJob {
    const job = new ScriptedJob(this.#machine);
    this.#jobs.push(job);
    return job;
  }

  async ownToken(): Promise<Token> {
    this.#attempt({ call: "OpenProcessToken", access: "TOKEN_ALL_ACCESS" });
    return TOKEN;
  }

  async logonUser({ user, domain, password, logonType }: LogonRequest): Promise<Token> {
    const hasPassword = password !== undefined && password !== "";
    this.#attempt({ call: "LogonUser", domain, hasPassword, logonType, user });
    return TOKEN;
  }

  async hasLocalGroup(name: string): Promise<boolean> {
    const groups = this.#machine.platform.localGroups ?? [];
    return groups.some((group) => group.toLowerCase() === name.toLowerCase());
  }

  async addUser(name: string): Promise<string> {
    this.#attempt({ call: "NetUserAdd", name });
    return `password of ${name}`;
  }

  async addToLocalGroup(group: string): Promise<void> {
    this.#attempt({ call: "NetLocalGroupAddMembers", group });
  }

  async removeUser(name: string): Promise<void> {
    this.#attempt({ call: "NetUserDel", name });
  }

  async environmentOf(): Promise<string[]> {
    return [...USER_ENVIRONMENT];
  }

  #attempt(entry: TraceEntry): void {
    this.#machine.recorder.attempt(entry);
  }
}

class ScriptedJob implements Job {
  readonly #machine: Machine;
  readonly #processes: ScriptedProcess[] = [];
  readonly #listeners: (() => void)[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  onOutOfMemory(listener: () => void): void {
    this.#listeners.push(listener);
  }

  refuseMemory(): void {
    for (const listener of this.#listeners) listener();
  }

  setExtendedLimit = async ({ affinity, jobMemoryLimit, limitFlags }: ExtendedLimit): Promise<void> =>
    this.#attempt({ call: "JobObject.SetExtendedLimit", affinity, jobMemoryLimit, limitFlags });

  setCpuRateControl = async ({ controlFlags, value }: CpuRateControl): Promise<void> =>
    this.#attempt({ call: "JobObject.SetCpuRateControl", controlFlags, value });

  setIoRateControl = async ({ controlFlags, maxBandwidth, maxIops }: IoRateControl): Promise<void> =>
    this.#attempt({ call: "JobObject.SetIoRateControl", controlFlags, maxBandwidth, maxIops });

  setGroupAffinities = async (affinities: readonly GroupAffinity[]): Promise<void> =>
    this.#attempt({
      call: "JobObject.SetGroupAffinities",
      affinities: affinities.map(({ group, mask }) => ({ group, mask })),
    });

  promoteToSilo = async (): Promise<void> => this.#attempt({ call: "JobObject.PromoteToSilo" });

  applyFileBinding = async ({ readOnly, root, target }: FileBinding): Promise<void> =>
    this.#attempt({ call: "JobObject.ApplyFileBinding", readOnly, root, target });

  async createProcess(request: JobProcessRequest): Promise<HcsProcess> {
    const { commandLine, environment, flags, path, pseudoConsole, workingDirectory } = request;
    this.#attempt({
      call: "CreateProcess",
      commandLine,
      environment,
      flags,
      hasToken: true,
      path,
      pseudoConsole,
      workingDirectory,
    });
    const process = new ScriptedProcess(this.#machine, request, UNRECORDED, ENDED);
    this.#processes.push(process);
    return process;
  }

  async processIds(): Promise<number[]> {
    return this.#processes.filter(({ isRunning }) => isRunning).map(({ processId }) => processId);
  }

  async processes(): Promise<ProcessListEntry[]> {
    return (await this.processIds()).map(processListEntry);
  }

  async signalProcess(processId: number): Promise<SignalOutcome> {
    const process = this.#processes.find((candidate) => candidate.processId === processId);
    return process?.isRunning === true ? process.terminate() : "gone";
  }

  async emptied(): Promise<void> {
    await Promise.all(this.#processes.map(({ exited }) => exited));
  }

  async statistics(): Promise<JobStatistics> {
    return {
      totalUserTime100ns: 0,
      totalKernelTime100ns: 0,
      memoryBytes: 0,
      peakMemoryBytes: 0,
      readOperations: 0,
      readBytes: 0,
      writeOperations: 0,
      writeBytes: 0,
    };
  }

  async terminate(exitCode: number): Promise<void> {
    this.#attempt({ call: "JobObject.Terminate", exitCode });
    for (const process of this.#processes) process.end(exitCode);
  }

  async close(): Promise<void> {
    this.#attempt({ call: "JobObject.Close" });
  }

  #attempt(entry: TraceEntry): void {
    this.#machine.recorder.attempt(entry);
  }
}
