/** Answers the calls of the stand-in for vmcompute.dll: compute systems and processes. */
import type { ComputeSystem } from "../../../hcs/api.ts";
import { createDeferred, type Deferred } from "../../../hcs/deferred.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import type { ProcessParameters } from "../../../hcs/schema/process.ts";
import { answerOf, refusal } from "./answer.ts";
import type { Answer, Call, Handler, Handlers, RigMachine } from "./call.ts";
import {
  addListener,
  announceExit,
  describeProcess,
  enumerate,
  modifyProcess,
  modifyService,
  modifySystem,
  onProcess,
  processOf,
  processStatus,
  removeListener,
  serviceProperties,
  signalProcess,
  systemExitData,
  systemOf,
  systemProperties,
} from "./compute.ts";
import { processes, systems } from "./open-systems.ts";
import { immediate } from "./operations.ts";

const HCS_E_OPERATION_PENDING = 0xc037_0103;
const NOTIFICATION = {
  systemExited: 0x1,
  createCompleted: 0x2,
  startCompleted: 0x3,
  pauseCompleted: 0x4,
  resumeCompleted: 0x5,
  processExited: 0x1_0000,
} as const;

/** Handles whose callback is to be registered yet: what they are told waits for that. */
const registrations = new Map<number, Deferred<void>>();

/** What a call that is pending leads to. */
interface Pending {
  readonly handle: number;
  readonly result: Promise<unknown>;
  readonly answer?: Answer;
}

/** Answers a call that is pending at first, and whose completion is a notification of this type. */
function pending(type: number, begin: (call: Call, machine: RigMachine) => Pending): Handler {
  return async (call, machine) => {
    const fault = machine.faults.take(call.function);
    if (fault?.action === "hang") await machine.faults.hang(call.function);
    if (fault?.action === "refuse") return refusal(fault.hresult ?? 0, fault.document);
    const { handle, result, answer } = begin(call, machine);
    const complete = async (): Promise<void> => {
      let { hresult: status, document: data }: Answer = { hresult: 0 };
      try {
        await result;
      } catch (error) {
        ({ hresult: status, document: data } = answerOf(error, (what) =>
          machine.violation(call.function, what),
        ));
      }
      if (fault?.action === "withhold") await machine.faults.hang(call.function);
      if (fault?.action === "fail")
        ({ hresult: status, document: data } = refusal(fault.hresult ?? 0, fault.document));
      await registrations.get(handle)?.promise;
      call.connection.event("system", { handle, type, status, data });
    };
    complete().catch((error: unknown) => machine.violation(call.function, String(error)));
    return { hresult: HCS_E_OPERATION_PENDING, ...answer };
  };
}

function onSystem(type: number, work: (target: ComputeSystem) => Promise<void>): Handler {
  return pending(type, (call) => ({ handle: call.number("handle"), result: systemOf(call).then(work) }));
}

/** Asks for the end of a system, which follows as its exit. */
function ending(work: (target: ComputeSystem) => Promise<void>): Handler {
  return immediate(async (call) => {
    await work(await systemOf(call));
    return { hresult: HCS_E_OPERATION_PENDING };
  });
}

export const VMCOMPUTE_HANDLERS: Handlers = {
  HcsEnumerateComputeSystems: immediate(async (call, { backend }) => ({
    properties: await enumerate(call, backend),
  })),
  HcsCreateComputeSystem: pending(NOTIFICATION.createCompleted, (call, { backend }) => {
    const document = call.json("configuration") as ComputeSystemDocument;
    const made = backend.computeSystems.create(call.text("id") ?? "", document);
    const handle = systems.add(call.connection, made);
    registrations.set(handle, createDeferred());
    return { handle, result: made, answer: { handle } };
  }),
  HcsOpenComputeSystem: immediate(async (call, { backend }) => {
    const opened = await backend.computeSystems.open(call.text("id") ?? "");
    return { handle: systems.add(call.connection, Promise.resolve(opened)) };
  }),
  HcsCloseComputeSystem: async (call) => {
    removeListener(call.number("handle"));
    await systems.close(call.number("handle"));
    return {};
  },
  HcsRegisterComputeSystemCallback: immediate(async (call, machine) => {
    const handle = call.number("handle");
    addListener(call, "system");
    registrations.get(handle)?.resolve();
    registrations.delete(handle);
    const exited = systemOf(call).then((target) => target.exited);
    announceExit("system", machine, exited, (exit) =>
      call.connection.event("system", {
        handle,
        type: NOTIFICATION.systemExited,
        status: exit.status,
        data: systemExitData(exit),
      }),
    );
    return {};
  }),
  HcsStartComputeSystem: onSystem(NOTIFICATION.startCompleted, (target) => target.start()),
  HcsPauseComputeSystem: onSystem(NOTIFICATION.pauseCompleted, (target) => target.pause()),
  HcsResumeComputeSystem: onSystem(NOTIFICATION.resumeCompleted, (target) => target.resume()),
  HcsShutdownComputeSystem: ending((target) => target.shutdown()),
  HcsTerminateComputeSystem: ending((target) => target.terminate()),
  HcsGetComputeSystemProperties: immediate(async (call) => ({ properties: await systemProperties(call) })),
  HcsModifyComputeSystem: immediate(async (call) => {
    await modifySystem(call);
    return {};
  }),

  HcsCreateProcess: immediate(async (call, machine) => {
    const created = await (await systemOf(call)).createProcess(call.json("parameters") as ProcessParameters);
    const handle = processes.add(call.connection, Promise.resolve(created));
    return { process: handle, ...describeProcess(created, machine) };
  }),
  HcsOpenProcess: immediate(async (call) => {
    const opened = await (await systemOf(call)).openProcess(call.number("processId"));
    return { process: processes.add(call.connection, Promise.resolve(opened)) };
  }),
  HcsCloseProcess: async (call) => {
    removeListener(call.number("handle"));
    await processes.close(call.number("handle"));
    return {};
  },
  HcsRegisterProcessCallback: immediate(async (call, machine) => {
    const handle = call.number("handle");
    addListener(call, "process");
    announceExit("process", machine, (await processOf(call)).exited, () =>
      call.connection.event("process", { handle, type: NOTIFICATION.processExited, status: 0 }),
    );
    return {};
  }),
  HcsTerminateProcess: immediate((call) => onProcess(call, (target) => target.terminate())),
  HcsSignalProcess: immediate(signalProcess),
  HcsModifyProcess: immediate(modifyProcess),
  HcsGetProcessProperties: immediate(async (call) => {
    const target = await processOf(call);
    const exit = await Promise.race([target.exited, Promise.resolve(undefined)]);
    return { properties: processStatus(target, exit) };
  }),

  HcsGetServiceProperties: immediate(async (call, machine) => ({
    properties: await serviceProperties(call, machine),
  })),
  HcsModifyServiceSettings: immediate(async (call, machine) => {
    await modifyService(call, machine);
    return {};
  }),
};
