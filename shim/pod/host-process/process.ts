/** A process in a job. That one which is ending cannot be signalled is as good as delivered. */
import type {
  CallOptions,
  ConsoleSize,
  HcsProcess,
  ProcessExit,
  ProcessSignal,
  ProcessStdio,
  SignalOutcome,
} from "../../../hcs/api.ts";
import { isAccessDenied, isAlreadyStopped } from "../../../hcs/hresult.ts";

export class JobProcess implements HcsProcess {
  readonly #process: HcsProcess;

  constructor(process: HcsProcess) {
    this.#process = process;
  }

  get processId(): number {
    return this.#process.processId;
  }

  get stdio(): ProcessStdio {
    return this.#process.stdio;
  }

  get exited(): Promise<ProcessExit> {
    return this.#process.exited;
  }

  signal(signal: ProcessSignal, options?: CallOptions): Promise<SignalOutcome> {
    return unlessEnding(this.#process.signal(signal, options));
  }

  terminate(options?: CallOptions): Promise<SignalOutcome> {
    return unlessEnding(this.#process.terminate(options));
  }

  resize(size: ConsoleSize, options?: CallOptions): Promise<void> {
    return this.#process.resize(size, options);
  }

  closeStdin(options?: CallOptions): Promise<void> {
    return this.#process.closeStdin(options);
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}

async function unlessEnding(delivery: Promise<SignalOutcome>): Promise<SignalOutcome> {
  try {
    return await delivery;
  } catch (error) {
    if (isAlreadyStopped(error) || isAccessDenied(error)) return "delivered";
    throw error;
  }
}
