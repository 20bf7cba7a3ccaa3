/** What the parts of the scripted platform share: the script, the record, and process ids. */
import type { ProcessListEntry } from "../schema/properties.ts";
import type { Platform } from "./platform.ts";
import type { Recorder } from "./recorder.ts";

/** Exit code of a host process that was terminated (STATUS_CONTROL_C_EXIT). */
export const TERMINATED = 0xc000_013a;

export class Machine {
  readonly platform: Platform;
  readonly recorder: Recorder;
  /** Every process there ever was, by id. */
  readonly #processes = new Map<number, EndingProcess>();
  #nextProcessId = 1000;

  constructor(platform: Platform, recorder: Recorder) {
    this.platform = platform;
    this.recorder = recorder;
  }

  /** Enters a process into the table. @returns its id */
  addProcess(process: EndingProcess): number {
    this.#nextProcessId += 4;
    this.#processes.set(this.#nextProcessId, process);
    return this.#nextProcessId;
  }

  /** A process ends by itself. */
  endProcess(processId: number, exitCode: number): void {
    const process = this.#processes.get(processId);
    if (process === undefined) throw new Error(`the script ends process ${processId}, which does not exist`);
    process.end(exitCode);
  }
}

export interface EndingProcess {
  /** Idempotent. */
  end(exitCode: number): void;
}

/** The list of one process that every query of a process list answers. */
export function processListEntry(ProcessId: number): ProcessListEntry {
  return {
    ProcessId,
    ImageName: "fake.exe",
    CreateTimestamp: "2024-01-02T03:04:05Z",
    UserTime100ns: 1000,
    KernelTime100ns: 1000,
    MemoryCommitBytes: 4096,
    MemoryWorkingSetPrivateBytes: 2048,
    MemoryWorkingSetSharedBytes: 1024,
  };
}
