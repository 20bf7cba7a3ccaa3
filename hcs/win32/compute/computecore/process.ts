/** A handle to a process in a compute system by computecore.dll. */
import { abortable } from "../../../abortable.ts";
import { createDeferred } from "../../../deferred.ts";
import { inBackground } from "../../diagnostics.ts";
import { isNull } from "../../ffi/memory.ts";
import { requireSuccess } from "../../ffi/result.ts";
import type { Handle } from "../../ffi/types.ts";
import { CallGate } from "../call-gate.ts";
import type { NativeCall, NativeProcess, NativeProcessExit, ProcessInformation } from "../native.ts";
import { endedMeanwhile, readProcessExit, SERVICE_DISCONNECTED } from "../notifications.ts";
import { closeStreams } from "../process-information.ts";
import { EVENT_OPTIONS_NONE, EVENT_TYPE, events, readEvent, type HcsEvent } from "./events.ts";
import { closing, computecore, runOperation } from "./operations.ts";

type ProcessFunction = "HcsTerminateProcess" | "HcsSignalProcess" | "HcsModifyProcess";

export class CoreProcess implements NativeProcess {
  readonly information: ProcessInformation;
  readonly #handle: Handle;
  readonly #gate = new CallGate();
  readonly #exited = createDeferred<NativeProcessExit>();
  readonly #context: number;

  private constructor(handle: Handle, information: ProcessInformation) {
    this.#handle = handle;
    this.information = information;
    this.#context = events.add((event) => this.#notice(readEvent(event)));
    // Whoever asks for the exit gets the failure.
    this.#exited.promise.catch(() => undefined);
  }

  /** Takes a handle over, and listens for the exit. A process that has exited before is told of at once. */
  static async take(handle: Handle, information: ProcessInformation, call: NativeCall): Promise<CoreProcess> {
    const process = new CoreProcess(handle, information);
    try {
      const listening = process.#gate.pass(() =>
        computecore.run("HcsSetProcessCallback", [
          handle,
          EVENT_OPTIONS_NONE,
          process.#context,
          events.address,
        ]),
      );
      requireSuccess(await abortable(listening, call.signal), call.attempt);
      return process;
    } catch (error) {
      closeStreams(information);
      inBackground("close a process", process.close());
      throw error;
    }
  }

  get exited(): Promise<NativeProcessExit> {
    return this.#exited.promise;
  }

  terminate(call: NativeCall): Promise<void> {
    return this.#operate("HcsTerminateProcess", "", call);
  }

  signal(options: string, call: NativeCall): Promise<void> {
    return this.#operate("HcsSignalProcess", options, call);
  }

  modify(settings: string, call: NativeCall): Promise<void> {
    return this.#operate("HcsModifyProcess", settings, call);
  }

  async close(): Promise<void> {
    await this.#gate.empty();
    await closing.run("HcsCloseProcess", [this.#handle]);
    events.delete(this.#context);
  }

  async #operate(name: ProcessFunction, text: string, call: NativeCall): Promise<void> {
    const submit = (operation: Handle): Promise<number> =>
      this.#gate.pass(() => computecore.run(name, [this.#handle, operation, text], call));
    await runOperation(submit, call);
  }

  #notice({ type, data }: HcsEvent): void {
    if (type === EVENT_TYPE.processExited) {
      const exit = readProcessExit(data);
      if (exit !== undefined) this.#exited.resolve(exit);
    }
    if (type === EVENT_TYPE.serviceDisconnect) {
      const target = String(this.information.processId);
      this.#exited.reject(endedMeanwhile(SERVICE_DISCONNECTED, { operation: "wait for process", target }));
    }
  }
}

export function closeProcessInBackground(handle: Handle): void {
  if (isNull(handle)) return;
  inBackground("close a process", closing.run("HcsCloseProcess", [handle]));
}
