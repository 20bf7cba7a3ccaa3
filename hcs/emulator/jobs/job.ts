/**
 * A job: a container of the host that sees drive C: of the machine, what is bound to it, and the network as it is. It is
 * made when its first process is: until then its bindings and limits are collected.
 */
import type { CallOptions, ComputeSystem, HcsProcess, ProcessSignal, SignalOutcome } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { isOutOfMemory } from "../../exit-codes.ts";
import { HRESULT } from "../../hresult-table.ts";
import { isAlreadyStopped, isNotFound } from "../../hresult.ts";
import type {
  CpuRateControl,
  ExtendedLimit,
  FileBinding,
  Job,
  JobProcessRequest,
  JobStatistics,
} from "../../port/jobs.ts";
import { CONTAINER_MEMORY, CONTAINER_PROCESSOR, type ContainerProcessor } from "../../schema/container.ts";
import type { ProcessListEntry } from "../../schema/properties.ts";
import { until } from "../wait.ts";
import { parseVolumePath } from "../windows/paths.ts";
import type { JobsInit } from "./jobs.ts";
import type { EmulatedToken } from "./token.ts";

const JOB_MEMORY = 0x200;
const CPU_WEIGHT_BASED = 2;
const MEBIBYTE = 1024 ** 2;
/** A job has nine weights; containers 1 to 10000, 100 being the default of both. */
const WEIGHT_UNIT = 20;

export class EmulatedJob implements Job {
  readonly #name: string;
  readonly #init: JobsInit;
  readonly #bindings: FileBinding[] = [];
  #memoryMb = 0;
  #processor: ContainerProcessor = {};
  #system: Promise<ComputeSystem> | undefined;
  /** What its processes end with since it was terminated. */
  #terminatedWith: number | undefined;
  #closed: Promise<void> | undefined;
  #onOutOfMemory: () => void = () => undefined;

  constructor(name: string, init: JobsInit) {
    this.#name = name;
    this.#init = init;
  }

  /** Told when a process has ended of it: the kernel kills what Windows would refuse memory. */
  onOutOfMemory(listener: () => void): void {
    this.#onOutOfMemory = listener;
  }

  async setExtendedLimit(
    { limitFlags, jobMemoryLimit }: ExtendedLimit,
    options?: CallOptions,
  ): Promise<void> {
    if ((limitFlags & JOB_MEMORY) === 0) return;
    this.#memoryMb = Math.max(1, Math.floor(jobMemoryLimit / MEBIBYTE));
    await this.#change(CONTAINER_MEMORY, this.#memoryMb, options);
  }

  async setCpuRateControl({ controlFlags, value }: CpuRateControl, options?: CallOptions): Promise<void> {
    const isWeight = (controlFlags & CPU_WEIGHT_BASED) !== 0;
    this.#processor = isWeight ? { Weight: value * WEIGHT_UNIT } : { Maximum: value };
    await this.#change(CONTAINER_PROCESSOR, this.#processor, options);
  }

  async #change(ResourcePath: string, Settings: unknown, options: CallOptions = {}): Promise<void> {
    const system = await this.#system;
    await system?.modify({ ResourcePath, RequestType: "Update", Settings }, options);
  }

  setIoRateControl(): Promise<void> {
    return Promise.reject(
      this.#unsupported("limit the storage of job", "the emulator does not limit storage"),
    );
  }

  setGroupAffinities(): Promise<void> {
    const detail = "the emulator does not place processors";
    return Promise.reject(this.#unsupported("choose processors of job", detail));
  }

  /** It is one from the beginning. */
  promoteToSilo(): Promise<void> {
    return Promise.resolve();
  }

  applyFileBinding(binding: FileBinding): Promise<void> {
    if (this.#system !== undefined) {
      const detail = "the emulator binds files before the first process of a job";
      return Promise.reject(this.#unsupported("bind files in job", detail));
    }
    this.#bindings.push(binding);
    return Promise.resolve();
  }

  async createProcess(request: JobProcessRequest, options: CallOptions = {}): Promise<HcsProcess> {
    const system = await (this.#system ??= this.#start(options));
    const { consoleSize } = request;
    const process = await system.createProcess(
      {
        CommandLine: request.commandLine,
        WorkingDirectory: request.workingDirectory,
        Environment: Object.fromEntries(request.environment.map(nameAndValue)),
        User: (request.token as EmulatedToken).user,
        ...(request.pseudoConsole ? { EmulateConsole: true } : {}),
        ...(consoleSize === undefined ? {} : { ConsoleSize: [consoleSize.height, consoleSize.width] }),
        ...(request.stdin ? { CreateStdInPipe: true } : {}),
        ...(request.stdout ? { CreateStdOutPipe: true } : {}),
        ...(request.stderr ? { CreateStdErrPipe: true } : {}),
      },
      options,
    );
    return this.#owned(process);
  }

  /** Ends as processes of jobs do: with what its job, or TerminateProcess, was given. */
  #owned(process: HcsProcess): HcsProcess {
    let terminated = false;
    const exited = process.exited.then(({ exitCode }) => {
      if (isOutOfMemory(exitCode)) this.#onOutOfMemory();
      return { exitCode: this.#terminatedWith ?? (terminated ? TERMINATED : exitCode) };
    });
    exited.catch(() => undefined);
    return {
      processId: process.processId,
      stdio: process.stdio,
      exited,
      signal: (signal, options) => process.signal(signal, options),
      terminate: (options) => {
        terminated = true;
        return process.terminate(options);
      },
      resize: (size, options) => process.resize(size, options),
      closeStdin: (options) => process.closeStdin(options),
      close: () => process.close(),
    };
  }

  async #start(options: CallOptions): Promise<ComputeSystem> {
    const root = this.#bindings.find(({ target }) => parseVolumePath(target) !== undefined);
    if (root === undefined) throw this.#unsupported("start job", "its root directory has not been bound");
    const system = await this.#init.systems.createJob(
      this.#name,
      {
        Owner: "",
        SchemaVersion: { Major: 2, Minor: 1 },
        ShouldTerminateOnLastHandleClosed: true,
        Container: {
          Storage: { Path: root.target, PrivilegedContainerRootPath: withoutBackslash(root.root) },
          MappedDirectories: this.#bindings
            .filter((binding) => binding !== root)
            .map(({ root: ContainerPath, target, readOnly }) => ({
              HostPath: target,
              ContainerPath,
              ReadOnly: readOnly,
            })),
          ...(this.#memoryMb === 0 ? {} : { Memory: { SizeInMB: this.#memoryMb } }),
          Processor: this.#processor,
          RegistryChanges: {},
          IsolationType: "HostProcess",
        },
      },
      options,
    );
    try {
      await system.start(options);
      return system;
    } catch (error) {
      await system.close();
      throw error;
    }
  }

  async processIds(options?: CallOptions): Promise<number[]> {
    return (await this.processes(options)).map(({ ProcessId }) => ProcessId);
  }

  async processes(options: CallOptions = {}): Promise<ProcessListEntry[]> {
    const system = await this.#system;
    if (system === undefined) return [];
    try {
      const { ProcessList = [] } = await system.properties({ PropertyTypes: ["ProcessList"] }, options);
      return ProcessList;
    } catch (error) {
      if (isAlreadyStopped(error) || isNotFound(error)) return [];
      throw error;
    }
  }

  async signalProcess(
    processId: number,
    signal: ProcessSignal,
    options: CallOptions = {},
  ): Promise<SignalOutcome> {
    const system = await this.#system;
    try {
      const process = await system?.openProcess(processId, options);
      return (await process?.signal(signal, options)) ?? "gone";
    } catch (error) {
      // A process that another one has started has nobody who could reach it from outside.
      if (isNotFound(error) || isAlreadyStopped(error)) return "gone";
      throw error;
    }
  }

  async emptied(options: CallOptions = {}): Promise<void> {
    const { signal } = options;
    await until(async () => (await this.processes(options)).length === 0, {
      what: `job "${this.#name}" is empty`,
      signal,
    });
  }

  async statistics(options: CallOptions = {}): Promise<JobStatistics> {
    const system = await this.#system;
    const { Statistics } = (await system?.properties({ PropertyTypes: ["Statistics"] }, options)) ?? {};
    const { Processor = {}, Memory = {}, Storage = {} } = Statistics ?? {};
    return {
      totalUserTime100ns: Number(Processor.RuntimeUser100ns ?? 0),
      totalKernelTime100ns: Number(Processor.RuntimeKernel100ns ?? 0),
      memoryBytes: Number(Memory.MemoryUsageCommitBytes ?? 0),
      peakMemoryBytes: Number(Memory.MemoryUsageCommitPeakBytes ?? 0),
      readOperations: Number(Storage.ReadCountNormalized ?? 0),
      readBytes: Number(Storage.ReadSizeBytes ?? 0),
      writeOperations: Number(Storage.WriteCountNormalized ?? 0),
      writeBytes: Number(Storage.WriteSizeBytes ?? 0),
    };
  }

  async terminate(exitCode: number, options: CallOptions = {}): Promise<void> {
    this.#terminatedWith = exitCode;
    const system = await this.#system;
    try {
      await system?.terminate(options);
    } catch (error) {
      if (!isAlreadyStopped(error) && !isNotFound(error)) throw error;
    }
  }

  /** What is in it ends with the last handle, and there is one. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const system = await this.#system?.catch(() => undefined);
    if (system === undefined) return;
    await this.terminate(TERMINATED);
    await system.close();
  }

  #unsupported(operation: string, detail: string): HcsError {
    return new HcsError({ operation, target: this.#name, hresult: HRESULT.notSupported, detail });
  }
}

/** What TerminateProcess is given. */
const TERMINATED = 1;

function nameAndValue(entry: string): [string, string] {
  const separator = entry.indexOf("=", 1);
  return [entry.slice(0, separator), entry.slice(separator + 1)];
}

function withoutBackslash(path: string): string {
  return path.length > 3 && path.endsWith("\\") ? path.slice(0, -1) : path;
}
