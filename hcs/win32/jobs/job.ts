/** A job object, by its handle. Its calls return at once. */
import { abortable } from "../../abortable.ts";
import type { CallOptions, HcsProcess, ProcessSignal, ProcessStdio, SignalOutcome } from "../../api.ts";
import type {
  CpuRateControl,
  ExtendedLimit,
  FileBinding,
  GroupAffinity,
  IoRateControl,
  Job,
  JobProcessRequest,
  JobStatistics,
} from "../../port/jobs.ts";
import type { ProcessListEntry } from "../../schema/properties.ts";
import { Lane } from "../ffi/lane.ts";
import { lastErrorFailure } from "../ffi/last-error.ts";
import { BINDFLTAPI } from "../ffi/libraries/bindfltapi.ts";
import { KERNEL32 } from "../ffi/libraries/kernel32.ts";
import { KERNEL32_JOBS } from "../ffi/libraries/kernel32-jobs.ts";
import { Library } from "../ffi/library.ts";
import { requireSuccess, type Attempt } from "../ffi/result.ts";
import type { Handle } from "../ffi/types.ts";
import { createPipePair, type PipePair } from "../pipes/pair.ts";
import type { ThreadCalls } from "../threads/native-thread.ts";
import { signalProcess } from "./console-signals.ts";
import type { JobEvents } from "./job-events.ts";
import { anyEnded, describeProcess, processIdsOf } from "./job-processes.ts";
import {
  CLASS,
  completionPort,
  cpuRateControl,
  extendedLimit,
  groupAffinities,
  ioAttribution,
  ioRateControl,
  MESSAGE,
  readStatistics,
  STATISTICS_BYTES,
} from "./job-structures.ts";
import type { Launch, LaunchCalls, Launched } from "./launch-calls.ts";
import { Win32JobProcess } from "./process.ts";
import { DEFAULT_CONSOLE_SIZE, PseudoConsole } from "./pseudo-console.ts";
import { handleOf } from "./token.ts";

const lane = new Lane("jobs", 1);
const kernel32 = new Library(KERNEL32, lane);
const jobs = new Library(KERNEL32_JOBS, lane);
const bindfltapi = new Library(BINDFLTAPI, lane);

/** BINDFLT_FLAG_* */
const BINDING = { readOnly: 1, currentSilo: 4 } as const;

/** Exit code of a process that came too late for whoever wanted it. */
const GIVEN_UP = 1;

export class Win32Job implements Job {
  readonly #name: string;
  readonly #handle: Handle;
  readonly #calls: ThreadCalls<LaunchCalls>;
  readonly #events: JobEvents;
  #eventKey: number | undefined;
  #onOutOfMemory: () => void = () => undefined;
  #closed = false;

  /** @param handle owned by this from now on */
  constructor(name: string, handle: Handle, calls: ThreadCalls<LaunchCalls>, events: JobEvents) {
    this.#name = name;
    this.#handle = handle;
    this.#calls = calls;
    this.#events = events;
  }

  /** Only of a job without processes, and once. */
  enableNotifications(): void {
    this.#eventKey = this.#events.add((message) => {
      if (message === MESSAGE.jobMemoryLimit || message === MESSAGE.processMemoryLimit) this.#onOutOfMemory();
    });
    this.#set(
      CLASS.completionPort,
      completionPort(this.#eventKey, this.#events.port),
      "ask for notifications of",
    );
  }

  enableIoTracking(): void {
    this.#set(CLASS.ioAttribution, ioAttribution(), "count the disk traffic of");
  }

  onOutOfMemory(listener: () => void): void {
    this.#onOutOfMemory = listener;
  }

  async setExtendedLimit(limit: ExtendedLimit, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#set(CLASS.extendedLimit, extendedLimit(limit), "limit");
  }

  async setCpuRateControl(control: CpuRateControl, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#set(CLASS.cpuRateControl, cpuRateControl(control), "limit the processor time of");
  }

  async setIoRateControl(control: IoRateControl, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const attempt = this.#attempt("limit the disk traffic of");
    if (jobs.call("SetIoRateControlInformationJobObject", this.#handle, ioRateControl(control)) === 0)
      throw lastErrorFailure(attempt);
  }

  async setGroupAffinities(
    affinities: readonly GroupAffinity[],
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    this.#set(CLASS.groupAffinities, groupAffinities(affinities), "choose the processors of");
  }

  async promoteToSilo({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#set(CLASS.createSilo, null, "make a silo of");
  }

  async applyFileBinding(
    { root, target, readOnly }: FileBinding,
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const flags = BINDING.currentSilo | (readOnly ? BINDING.readOnly : 0);
    requireSuccess(bindfltapi.call("BfSetupFilter", this.#handle, flags, root, target, null, 0), {
      operation: `show ${target} to job "${this.#name}" at`,
      target: root,
    });
  }

  async createProcess(request: JobProcessRequest, { signal }: CallOptions = {}): Promise<HcsProcess> {
    signal?.throwIfAborted();
    const launch = this.#launch(request);
    const ends = request.pseudoConsole
      ? consoleEnds(new PseudoConsole(request.consoleSize ?? DEFAULT_CONSOLE_SIZE, this.#calls), request)
      : pipeEnds(request);
    const launched = this.#calls.launch([{ ...launch, ...ends.theirs }]);
    // Not before the call has returned, whoever waits for it still: it uses them.
    const ready = launched.finally(() => ends.handOver());
    try {
      const { handle, processId } = await abortable(ready, signal, (late) => endLate(late));
      return new Win32JobProcess(processId, handle, ends.stdio, ends.console);
    } catch (error) {
      void ready.catch(() => undefined).finally(() => void ends.destroy());
      throw error;
    }
  }

  async processIds({ signal }: CallOptions = {}): Promise<number[]> {
    signal?.throwIfAborted();
    return processIdsOf(this.#handle, this.#attempt("list the processes of"));
  }

  async processes(options?: CallOptions): Promise<ProcessListEntry[]> {
    const ids = await this.processIds(options);
    return ids.map(describeProcess).filter((entry) => entry !== undefined);
  }

  async signalProcess(
    processId: number,
    signal: ProcessSignal,
    options: CallOptions = {},
  ): Promise<SignalOutcome> {
    options.signal?.throwIfAborted();
    return signalProcess(processId, signal);
  }

  /** Not by the job's own notification of it, which Windows does not promise to deliver. */
  async emptied(options: CallOptions = {}): Promise<void> {
    for (;;) {
      const ids = await this.processIds(options);
      if (ids.length === 0) return;
      await anyEnded(ids, options.signal);
    }
  }

  async statistics({ signal }: CallOptions = {}): Promise<JobStatistics> {
    signal?.throwIfAborted();
    return readStatistics({
      accounting: this.#query(CLASS.basicAccounting, Buffer.alloc(STATISTICS_BYTES.accounting)),
      memory: this.#query(CLASS.memoryUsage, Buffer.alloc(STATISTICS_BYTES.memory)),
      io: this.#query(CLASS.ioAttribution, ioAttribution()),
    });
  }

  async terminate(exitCode: number, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (jobs.call("TerminateJobObject", this.#handle, exitCode >>> 0) === 0)
      throw lastErrorFailure(this.#attempt("terminate"));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#eventKey !== undefined) this.#events.delete(this.#eventKey);
    kernel32.call("CloseHandle", this.#handle);
  }

  #launch({ path, commandLine, environment, workingDirectory, token, flags }: JobProcessRequest): Launch {
    const job = this.#handle;
    return { job, token: handleOf(token), path, commandLine, environment, workingDirectory, flags };
  }

  #set(kind: number, information: Buffer | null, operation: string): void {
    const length = information?.length ?? 0;
    if (jobs.call("SetInformationJobObject", this.#handle, kind, information, length) === 0)
      throw lastErrorFailure(this.#attempt(operation));
  }

  #query(kind: number, information: Buffer): Buffer {
    const answered = jobs.call(
      "QueryInformationJobObject",
      this.#handle,
      kind,
      information,
      information.length,
      null,
    );
    if (answered === 0) throw lastErrorFailure(this.#attempt("read the statistics of"));
    return information;
  }

  #attempt(operation: string): Attempt {
    return { operation: `${operation} job`, target: this.#name };
  }
}

/** The two sides of a process's streams. */
interface Ends {
  readonly stdio: ProcessStdio;
  readonly theirs: Pick<Launch, "stdin" | "stdout" | "stderr" | "pseudoConsole">;
  readonly console: PseudoConsole | undefined;
  /** The process has its own now, or there is none. */
  handOver(): void;
  /** There is no process. */
  destroy(): Promise<void>;
}

const STREAMS = { stdin: "toProcess", stdout: "fromProcess", stderr: "fromProcess" } as const;

function pipeEnds(request: Pick<JobProcessRequest, keyof typeof STREAMS>): Ends {
  const pairs: Partial<Record<keyof typeof STREAMS, PipePair>> = {};
  const handOver = (): void => {
    for (const { handle } of Object.values(pairs)) kernel32.call("CloseHandle", handle);
  };
  const destroy = async (): Promise<void> => {
    for (const { stream } of Object.values(pairs)) stream.destroy();
  };
  try {
    for (const [name, direction] of Object.entries(STREAMS) as [keyof typeof STREAMS, PipeKind][])
      if (request[name]) pairs[name] = createPipePair(direction);
  } catch (error) {
    handOver();
    void destroy();
    throw error;
  }
  const names = Object.keys(pairs) as (keyof typeof STREAMS)[];
  return {
    stdio: Object.fromEntries(names.map((name) => [name, pairs[name]?.stream])),
    theirs: Object.fromEntries(names.map((name) => [name, pairs[name]?.handle])),
    console: undefined,
    handOver,
    destroy,
  };
}

type PipeKind = (typeof STREAMS)[keyof typeof STREAMS];

/** A console shows what goes to either output. */
function consoleEnds(console: PseudoConsole, { stdin, stdout }: JobProcessRequest): Ends {
  // Nobody reads what it shows: it must go on all the same.
  if (!stdout) console.output.resume();
  return {
    stdio: { ...(stdin ? { stdin: console.input } : {}), ...(stdout ? { stdout: console.output } : {}) },
    theirs: { pseudoConsole: console.handle },
    console,
    handOver: () => undefined,
    destroy: async () => {
      console.output.resume();
      await console.close();
      console.input.destroy();
    },
  };
}

/** A process that nobody wants any more. */
function endLate({ handle }: Launched): void {
  kernel32.call("TerminateProcess", handle, GIVEN_UP);
  kernel32.call("CloseHandle", handle);
}
