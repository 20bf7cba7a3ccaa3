/** A process in a container on the host, as killing it on Windows needs it. */
import type {
  CallOptions,
  ComputeSystems,
  ConsoleSize,
  HcsProcess,
  ProcessExit,
  ProcessSignal,
  ProcessStdio,
  SignalOutcome,
} from "../../../hcs/api.ts";
import { isAccessDenied, isAlreadyStopped, isNotFound } from "../../../hcs/hresult.ts";

export interface SystemProcessInit {
  readonly systemId: string;
  readonly process: HcsProcess;
  readonly systems: Pick<ComputeSystems, "open">;
  /** Ends the container: for a process that cannot be reached any more. */
  readonly terminateContainer: (signal?: AbortSignal) => Promise<void>;
  readonly report: (message: string, error: unknown) => void;
}

export class SystemProcess implements HcsProcess {
  readonly #init: SystemProcessInit;
  #terminated = false;

  constructor(init: SystemProcessInit) {
    this.#init = init;
  }

  get processId(): number {
    return this.#init.process.processId;
  }

  get stdio(): ProcessStdio {
    return this.#init.process.stdio;
  }

  get exited(): Promise<ProcessExit> {
    return this.#init.process.exited;
  }

  /** Answers at once: some images hold the call until the process has ended, and a later kill must not wait for that. */
  signal(signal: ProcessSignal): Promise<SignalOutcome> {
    const { process, report } = this.#init;
    void process
      .signal(signal)
      .catch((error: unknown) => report(`signal ${signal} was not delivered`, error));
    return Promise.resolve("delivered");
  }

  /** By handles of its own, so that it does not queue up behind a signal that is still being delivered. */
  async terminate(options?: CallOptions): Promise<SignalOutcome> {
    if (this.#terminated) return "delivered";
    const outcome = await this.#terminate(options);
    this.#terminated = true;
    return outcome;
  }

  async #terminate(options?: CallOptions): Promise<SignalOutcome> {
    const { systemId, systems, terminateContainer } = this.#init;
    let system: Awaited<ReturnType<ComputeSystems["open"]>>;
    try {
      system = await systems.open(systemId, options);
    } catch (error) {
      if (isNotFound(error)) return "gone";
      await terminateContainer(options?.signal);
      return "delivered";
    }
    try {
      const process = await system.openProcess(this.processId, options);
      try {
        return await process.terminate(options);
      } finally {
        await process.close();
      }
    } catch (error) {
      if (isAlreadyStopped(error) || isAccessDenied(error)) return "delivered";
      if (isNotFound(error)) return "gone";
      throw error;
    } finally {
      await system.close();
    }
  }

  resize(size: ConsoleSize, options?: CallOptions): Promise<void> {
    return this.#init.process.resize(size, options);
  }

  closeStdin(options?: CallOptions): Promise<void> {
    return this.#init.process.closeStdin(options);
  }

  close(): Promise<void> {
    return this.#init.process.close();
  }
}
