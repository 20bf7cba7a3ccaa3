/** A handle to a process in a compute system by vmcompute.dll. */
import { createDeferred } from "../../../deferred.ts";
import { inBackground } from "../../diagnostics.ts";
import { isNull, takeText } from "../../ffi/memory.ts";
import { requireSuccess } from "../../ffi/result.ts";
import { out, type Handle, type Out } from "../../ffi/types.ts";
import { CallGate } from "../call-gate.ts";
import type { NativeCall, NativeProcess, NativeProcessExit, ProcessInformation } from "../native.ts";
import { endedMeanwhile, readProcessExit, SERVICE_DISCONNECTED } from "../notifications.ts";
import { closeStreams } from "../process-information.ts";
import { callService, closing, vmcompute } from "./calls.ts";
import { listen, NOTIFICATION, notifications, type Notification } from "./notification-desk.ts";

export class VmProcess implements NativeProcess {
  readonly information: ProcessInformation;
  readonly #handle: Handle;
  readonly #gate = new CallGate();
  readonly #exited = createDeferred<NativeProcessExit>();
  readonly #context: number;
  #registration: Handle = 0;

  private constructor(handle: Handle, information: ProcessInformation) {
    this.#handle = handle;
    this.information = information;
    this.#context = listen((notification) => this.#notice(notification));
    // Whoever asks for the exit gets the failure.
    this.#exited.promise.catch(() => undefined);
  }

  /** Takes a handle over, and listens for the exit. */
  static async take(handle: Handle, information: ProcessInformation, call: NativeCall): Promise<VmProcess> {
    const process = new VmProcess(handle, information);
    try {
      const place = out();
      const hresult = await process.#gate.pass(() =>
        vmcompute.run("HcsRegisterProcessCallback", [handle, notifications.address, process.#context, place]),
      );
      requireSuccess(hresult, call.attempt);
      process.#registration = place[0];
      call.signal?.throwIfAborted();
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

  async terminate(call: NativeCall): Promise<void> {
    await this.#call(call, (result) => vmcompute.run("HcsTerminateProcess", [this.#handle, result], call));
  }

  async signal(options: string, call: NativeCall): Promise<void> {
    await this.#call(call, (result) =>
      vmcompute.run("HcsSignalProcess", [this.#handle, options, result], call),
    );
  }

  async modify(settings: string, call: NativeCall): Promise<void> {
    await this.#call(call, (result) =>
      vmcompute.run("HcsModifyProcess", [this.#handle, settings, result], call),
    );
  }

  async close(): Promise<void> {
    await this.#gate.empty();
    if (!isNull(this.#registration)) await closing.run("HcsUnregisterProcessCallback", [this.#registration]);
    notifications.delete(this.#context);
    await closing.run("HcsCloseProcess", [this.#handle]);
  }

  #call(call: NativeCall, invoke: (result: Out<Handle>) => Promise<number>): Promise<number> {
    return callService((result) => this.#gate.pass(() => invoke(result)), call);
  }

  #notice({ type }: Notification): void {
    const attempt = { operation: "wait for process", target: String(this.information.processId) };
    if (type === NOTIFICATION.serviceDisconnect)
      this.#exited.reject(endedMeanwhile(SERVICE_DISCONNECTED, attempt));
    // The notification does not tell the code; the process does, as long as it has a handle.
    if (type === NOTIFICATION.processExited)
      this.#askExit({ attempt }).then(this.#exited.resolve, this.#exited.reject);
  }

  async #askExit(call: NativeCall): Promise<NativeProcessExit> {
    const place = out();
    await this.#call(call, (result) =>
      vmcompute.run("HcsGetProcessProperties", [this.#handle, place, result]),
    );
    return readProcessExit(takeText(place[0])) ?? { exitCode: undefined };
  }
}

export function closeProcessInBackground(handle: Handle): void {
  if (isNull(handle)) return;
  inBackground("close a process", closing.run("HcsCloseProcess", [handle]));
}
