/** A handle to a compute system by computecore.dll. */
import { abortable } from "../../../abortable.ts";
import type { SystemExit } from "../../../api.ts";
import { inBackground } from "../../diagnostics.ts";
import { isNull } from "../../ffi/memory.ts";
import { requireSuccess } from "../../ffi/result.ts";
import { out, type Handle } from "../../ffi/types.ts";
import { CallGate } from "../call-gate.ts";
import type { NativeCall, NativeProcess, NativeSystem, SystemVerb } from "../native.ts";
import { ExitWatch, readSystemExit, SERVICE_DISCONNECTED } from "../notifications.ts";
import { closeStreams } from "../process-information.ts";
import { EVENT_OPTIONS_NONE, EVENT_TYPE, events, readEvent, type HcsEvent } from "./events.ts";
import { closing, computecore, runMakingOperation, runOperation, runProcessOperation } from "./operations.ts";
import { closeProcessInBackground, CoreProcess } from "./process.ts";

const VERBS = {
  start: "HcsStartComputeSystem",
  shutdown: "HcsShutDownComputeSystem",
  terminate: "HcsTerminateComputeSystem",
  pause: "HcsPauseComputeSystem",
  resume: "HcsResumeComputeSystem",
} as const satisfies Record<SystemVerb, string>;

/** The system's end is what these ask for. */
const ENDING: readonly SystemVerb[] = ["shutdown", "terminate"];

/** GENERIC_ALL. */
const FULL_ACCESS = 0x1000_0000;
/** Of HcsModifyComputeSystem: this process's own. */
const NO_IDENTITY = 0;

export class CoreSystem implements NativeSystem {
  readonly #handle: Handle;
  readonly #gate = new CallGate();
  readonly #watch = new ExitWatch();
  readonly #context: number;

  private constructor(handle: Handle) {
    this.#handle = handle;
    this.#context = events.add((event) => this.#notice(readEvent(event)));
  }

  /** HcsCreateComputeSystem. */
  static async create(id: string, document: string, call: NativeCall): Promise<CoreSystem> {
    const place = out();
    const submit = (operation: Handle): Promise<number> =>
      computecore.run("HcsCreateComputeSystem", [id, document, operation, 0, place], call);
    await runMakingOperation(submit, call, {
      failed: () => closeInBackground(place[0]),
      // Documents of schema 1 do not end their systems with the handle.
      late: () => inBackground("end a system that nobody waits for", endSystem(place[0], call)),
    });
    return CoreSystem.#take(place[0], call);
  }

  /** HcsOpenComputeSystem. */
  static async open(id: string, call: NativeCall): Promise<CoreSystem> {
    const place = out();
    const opened = computecore.run("HcsOpenComputeSystem", [id, FULL_ACCESS, place], call);
    requireSuccess(await abortable(opened, call.signal, () => closeInBackground(place[0])), call.attempt);
    return CoreSystem.#take(place[0], call);
  }

  /** Listens first of all: whatever is done before could miss the exit. */
  static async #take(handle: Handle, call: NativeCall): Promise<CoreSystem> {
    const system = new CoreSystem(handle);
    try {
      const listening = system.#gate.pass(() =>
        computecore.run("HcsSetComputeSystemCallback", [
          handle,
          EVENT_OPTIONS_NONE,
          system.#context,
          events.address,
        ]),
      );
      requireSuccess(await abortable(listening, call.signal), call.attempt);
      return system;
    } catch (error) {
      inBackground("close a compute system", system.close());
      throw error;
    }
  }

  get exited(): Promise<SystemExit> {
    return this.#watch.exited;
  }

  async perform(verb: SystemVerb, call: NativeCall): Promise<void> {
    const hadEnded = this.#watch.exit !== undefined;
    try {
      await this.#operate(call, (operation) =>
        computecore.run(VERBS[verb], [this.#handle, operation, null], call),
      );
    } catch (error) {
      // Whether an operation completes whose system is gone, nobody promises: the end itself is the answer.
      const hasEnded = !hadEnded && this.#watch.exit !== undefined;
      if (!(hasEnded && ENDING.includes(verb)) || call.signal?.aborted === true) throw error;
    }
  }

  properties(query: string, call: NativeCall): Promise<string | undefined> {
    return this.#operate(call, (operation) =>
      computecore.run("HcsGetComputeSystemProperties", [this.#handle, operation, query], call),
    );
  }

  async modify(request: string, call: NativeCall): Promise<void> {
    await this.#operate(call, (operation) =>
      computecore.run("HcsModifyComputeSystem", [this.#handle, operation, request, NO_IDENTITY], call),
    );
  }

  async createProcess(parameters: string, call: NativeCall): Promise<NativeProcess> {
    const place = out();
    const submit = (operation: Handle): Promise<number> =>
      this.#gate.pass(() =>
        computecore.run("HcsCreateProcess", [this.#handle, parameters, operation, 0, place], call),
      );
    const information = await runProcessOperation(
      submit,
      { ...call, until: this.#watch },
      {
        failed: () => closeProcessInBackground(place[0]),
        late: (late) => {
          closeStreams(late);
          closeProcessInBackground(place[0]);
        },
      },
    );
    return CoreProcess.take(place[0], information, call);
  }

  async openProcess(processId: number, call: NativeCall): Promise<NativeProcess> {
    const place = out();
    const opened = this.#gate.pass(() =>
      computecore.run("HcsOpenProcess", [this.#handle, processId, FULL_ACCESS, place], call),
    );
    requireSuccess(
      await abortable(opened, call.signal, () => closeProcessInBackground(place[0])),
      call.attempt,
    );
    return CoreProcess.take(place[0], { processId }, call);
  }

  async close(): Promise<void> {
    await this.#gate.empty();
    await closing.run("HcsCloseComputeSystem", [this.#handle]);
    // Closing ends the callbacks without a last one.
    events.delete(this.#context);
  }

  #operate(call: NativeCall, submit: (operation: Handle) => Promise<number>): Promise<string | undefined> {
    return runOperation((operation) => this.#gate.pass(() => submit(operation)), {
      ...call,
      until: this.#watch,
    });
  }

  #notice({ type, data }: HcsEvent): void {
    if (type === EVENT_TYPE.systemExited) this.#watch.settle(readSystemExit(data, 0));
    if (type === EVENT_TYPE.serviceDisconnect) this.#watch.settle(SERVICE_DISCONNECTED);
  }
}

function closeInBackground(handle: Handle): void {
  if (isNull(handle)) return;
  inBackground("close a compute system", closing.run("HcsCloseComputeSystem", [handle]));
}

async function endSystem(handle: Handle, { attempt }: NativeCall): Promise<void> {
  try {
    await runOperation(
      (operation) => computecore.run("HcsTerminateComputeSystem", [handle, operation, null]),
      { attempt },
    );
  } finally {
    await closing.run("HcsCloseComputeSystem", [handle]);
  }
}
