/** A handle to a compute system. */
import type { CallOptions, ComputeSystem, HcsProcess, SystemExit } from "../../api.ts";
import { createDeferred } from "../../deferred.ts";
import { HcsError } from "../../errors.ts";
import { hresultFromWin32 } from "../../hresult.ts";
import { stringifyJson } from "../../json.ts";
import type { ModifySettingRequest } from "../../schema/modify.ts";
import type { ProcessParameters } from "../../schema/process.ts";
import type { PropertyQuery, SystemProperties } from "../../schema/properties.ts";
import { inBackground } from "../diagnostics.ts";
import { keepProcess } from "../ffi/keep-alive.ts";
import { readObject } from "./answers.ts";
import { workingSetOfVm } from "./memory-process.ts";
import type { NativeCall, NativeProcess, NativeSystem, SystemVerb } from "./native.ts";
import { Win32Process } from "./process.ts";

const ERROR_INVALID_HANDLE = 6;

/** How the verbs read in an error. */
const PHRASES: Readonly<Record<SystemVerb, string>> = {
  start: "start compute system",
  shutdown: "shut down compute system",
  terminate: "terminate compute system",
  pause: "pause compute system",
  resume: "resume compute system",
};

export class Win32ComputeSystem implements ComputeSystem {
  readonly id: string;
  readonly #native: NativeSystem;
  readonly #exited = createDeferred<SystemExit>();
  readonly #letGo = keepProcess();
  /** Whether a system of this id still exists; asked when the last thing that is known is that a handle was closed. */
  readonly #exists: (id: string) => Promise<boolean>;
  #closing: Promise<void> | undefined;
  #hasExited = false;
  #runtimeId: string | undefined;

  /** Takes the native handle over. */
  constructor(id: string, native: NativeSystem, exists: (id: string) => Promise<boolean>) {
    this.id = id;
    this.#native = native;
    this.#exists = exists;
    inBackground(
      "watch a compute system",
      native.exited.then((exit) => this.#settle(exit)),
    );
  }

  get exited(): Promise<SystemExit> {
    return this.#exited.promise;
  }

  start(options?: CallOptions): Promise<void> {
    return this.#perform("start", options);
  }

  shutdown(options?: CallOptions): Promise<void> {
    return this.#perform("shutdown", options);
  }

  terminate(options?: CallOptions): Promise<void> {
    return this.#perform("terminate", options);
  }

  pause(options?: CallOptions): Promise<void> {
    return this.#perform("pause", options);
  }

  resume(options?: CallOptions): Promise<void> {
    return this.#perform("resume", options);
  }

  async modify(request: ModifySettingRequest, options?: CallOptions): Promise<void> {
    await this.#native.modify(stringifyJson(request), this.#call("modify compute system", options));
  }

  async properties(query: PropertyQuery, options?: CallOptions): Promise<SystemProperties> {
    const call = this.#call("query properties of compute system", options);
    return readObject(await this.#native.properties(stringifyJson(query), call), call.attempt);
  }

  /** Looked up anew each time: a VM that was started again has another process. */
  async workingSet(options?: CallOptions): Promise<bigint | undefined> {
    this.#runtimeId ??= (await this.properties({}, options)).RuntimeId;
    return this.#runtimeId === undefined ? undefined : workingSetOfVm(this.#runtimeId);
  }

  async createProcess(parameters: ProcessParameters, options?: CallOptions): Promise<HcsProcess> {
    const call = this.#call("create process in compute system", options);
    return this.#wrap(await this.#native.createProcess(stringifyJson(parameters), call));
  }

  async openProcess(processId: number, options?: CallOptions): Promise<HcsProcess> {
    const call = this.#call(`open process ${processId} in compute system`, options);
    return this.#wrap(await this.#native.openProcess(processId, call));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    try {
      await this.#native.close();
      // A closed handle is told nothing any more. Whether it was the last of a system that ends with its handles shows.
      if (!this.#hasExited && !(await this.#exists(this.id)))
        this.#settle({ status: 0, exitType: "ForcedExit" });
    } finally {
      this.#letGo();
    }
  }

  async #perform(verb: SystemVerb, options?: CallOptions): Promise<void> {
    await this.#native.perform(verb, this.#call(PHRASES[verb], options));
  }

  #wrap(native: NativeProcess): HcsProcess {
    try {
      return new Win32Process(native, this.id);
    } catch (error) {
      inBackground("close a process", native.close());
      throw error;
    }
  }

  /** @throws {HcsError} when the handle is closed */
  #call(operation: string, options: CallOptions = {}): NativeCall {
    const attempt = { operation, target: this.id };
    if (this.#closing !== undefined) {
      const hresult = hresultFromWin32(ERROR_INVALID_HANDLE);
      throw new HcsError({ ...attempt, hresult, detail: "the handle has been closed" });
    }
    return { attempt, ...(options.signal === undefined ? {} : { signal: options.signal }) };
  }

  #settle(exit: SystemExit): void {
    this.#hasExited = true;
    this.#letGo();
    this.#exited.resolve(exit);
  }
}
