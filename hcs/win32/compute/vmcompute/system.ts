/** A handle to a compute system by vmcompute.dll. */
import type { SystemExit } from "../../../api.ts";
import { inBackground } from "../../diagnostics.ts";
import { isNull, takeText } from "../../ffi/memory.ts";
import { requireSuccess } from "../../ffi/result.ts";
import { out, type Handle, type Out } from "../../ffi/types.ts";
import { CallGate } from "../call-gate.ts";
import type { NativeCall, NativeProcess, NativeSystem, SystemVerb } from "../native.ts";
import { closeStreams, newProcessInformation, readProcessInformation } from "../process-information.ts";
import { callService, closing, isPending, vmcompute } from "./calls.ts";
import { listen, NOTIFICATION, NotificationDesk, notifications } from "./notification-desk.ts";
import { closeProcessInBackground, VmProcess } from "./process.ts";

interface VerbFunction {
  readonly name:
    | "HcsStartComputeSystem"
    | "HcsShutdownComputeSystem"
    | "HcsTerminateComputeSystem"
    | "HcsPauseComputeSystem"
    | "HcsResumeComputeSystem";
  /** What tells that a pending call has completed; without it, what was asked for follows as the system's exit. */
  readonly completed?: number;
}

const VERBS: Readonly<Record<SystemVerb, VerbFunction>> = {
  start: { name: "HcsStartComputeSystem", completed: NOTIFICATION.startCompleted },
  shutdown: { name: "HcsShutdownComputeSystem" },
  terminate: { name: "HcsTerminateComputeSystem" },
  pause: { name: "HcsPauseComputeSystem", completed: NOTIFICATION.pauseCompleted },
  resume: { name: "HcsResumeComputeSystem", completed: NOTIFICATION.resumeCompleted },
};

const NO_IDENTITY = 0;

export class VmSystem implements NativeSystem {
  readonly #handle: Handle;
  readonly #gate = new CallGate();
  readonly #desk: NotificationDesk;
  readonly #context: number;
  #registration: Handle = 0;

  private constructor(handle: Handle, desk: NotificationDesk) {
    this.#handle = handle;
    this.#desk = desk;
    this.#context = listen((notification) => desk.deliver(notification));
  }

  /** HcsCreateComputeSystem. */
  static async create(id: string, document: string, call: NativeCall): Promise<VmSystem> {
    const place = out();
    const desk = new NotificationDesk();
    const created = desk.expect(NOTIFICATION.createCompleted);
    const hresult = await callService(
      (result) => vmcompute.run("HcsCreateComputeSystem", [id, document, NO_IDENTITY, place, result], call),
      call,
      () => inBackground("end a system that nobody waits for", endSystem(place[0])),
    );
    // Between the call and its completion: the completion is told to those alone who are registered.
    const system = await VmSystem.#take(place[0], desk, call);
    try {
      if (isPending(hresult)) await created.await(call);
      return system;
    } catch (error) {
      inBackground("end a system that nobody waits for", system.#abandon());
      throw error;
    }
  }

  /** HcsOpenComputeSystem. */
  static async open(id: string, call: NativeCall): Promise<VmSystem> {
    const place = out();
    await callService(
      (result) => vmcompute.run("HcsOpenComputeSystem", [id, place, result], call),
      call,
      () => inBackground("close a compute system", closing.run("HcsCloseComputeSystem", [place[0]])),
    );
    return VmSystem.#take(place[0], new NotificationDesk(), call);
  }

  static async #take(handle: Handle, desk: NotificationDesk, call: NativeCall): Promise<VmSystem> {
    const system = new VmSystem(handle, desk);
    try {
      const place = out();
      const hresult = await system.#gate.pass(() =>
        vmcompute.run("HcsRegisterComputeSystemCallback", [
          handle,
          notifications.address,
          system.#context,
          place,
        ]),
      );
      requireSuccess(hresult, call.attempt);
      system.#registration = place[0];
      call.signal?.throwIfAborted();
      return system;
    } catch (error) {
      inBackground("close a compute system", system.close());
      throw error;
    }
  }

  get exited(): Promise<SystemExit> {
    return this.#desk.watch.exited;
  }

  async perform(verb: SystemVerb, call: NativeCall): Promise<void> {
    const { name, completed } = VERBS[verb];
    const expected = completed === undefined ? undefined : this.#desk.expect(completed);
    try {
      const hresult = await this.#call(call, (result) =>
        vmcompute.run(name, [this.#handle, null, result], call),
      );
      if (isPending(hresult)) await expected?.await(call);
    } finally {
      expected?.forget();
    }
  }

  async properties(query: string, call: NativeCall): Promise<string | undefined> {
    const place = out();
    await this.#call(
      call,
      (result) => vmcompute.run("HcsGetComputeSystemProperties", [this.#handle, query, place, result], call),
      () => takeText(place[0]),
    );
    return takeText(place[0]);
  }

  async modify(request: string, call: NativeCall): Promise<void> {
    await this.#call(call, (result) =>
      vmcompute.run("HcsModifyComputeSystem", [this.#handle, request, result], call),
    );
  }

  async createProcess(parameters: string, call: NativeCall): Promise<NativeProcess> {
    const place = out();
    const information = newProcessInformation();
    await this.#call(
      call,
      (result) =>
        vmcompute.run("HcsCreateProcess", [this.#handle, parameters, information, place, result], call),
      () => {
        closeStreams(readProcessInformation(information));
        closeProcessInBackground(place[0]);
      },
    );
    return VmProcess.take(place[0], readProcessInformation(information), call);
  }

  async openProcess(processId: number, call: NativeCall): Promise<NativeProcess> {
    const place = out();
    await this.#call(
      call,
      (result) => vmcompute.run("HcsOpenProcess", [this.#handle, processId, place, result], call),
      () => closeProcessInBackground(place[0]),
    );
    return VmProcess.take(place[0], { processId }, call);
  }

  async close(): Promise<void> {
    await this.#gate.empty();
    if (!isNull(this.#registration))
      await closing.run("HcsUnregisterComputeSystemCallback", [this.#registration]);
    notifications.delete(this.#context);
    await closing.run("HcsCloseComputeSystem", [this.#handle]);
  }

  #call(
    call: NativeCall,
    invoke: (result: Out<Handle>) => Promise<number>,
    release?: () => void,
  ): Promise<number> {
    return callService((result) => this.#gate.pass(() => invoke(result)), call, release);
  }

  async #abandon(): Promise<void> {
    try {
      await this.perform("terminate", { attempt: { operation: "terminate compute system" } });
    } finally {
      await this.close();
    }
  }
}

async function endSystem(handle: Handle): Promise<void> {
  const result = out();
  try {
    await vmcompute.run("HcsTerminateComputeSystem", [handle, null, result]);
    takeText(result[0]);
  } finally {
    await closing.run("HcsCloseComputeSystem", [handle]);
  }
}
