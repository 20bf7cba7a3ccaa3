/** Answers the calls of the stand-in for computecore.dll. */
import type { ComputeSystem, HcsProcess } from "../../../hcs/api.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import type { ProcessParameters } from "../../../hcs/schema/process.ts";
import type { Call, Handler, Handlers, RigMachine } from "./call.ts";
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
import { acceptedOperation, immediate, operation } from "./operations.ts";

const GENERIC_ALL = 0x1000_0000;
const EVENT = { systemExited: 0x1, processExited: 0x1_0000 } as const;
const EVENT_OPTIONS_NONE = 0;

function onSystem(work: (target: ComputeSystem) => Promise<void>): Handler {
  return operation(async (call) => {
    await work(await systemOf(call));
    return {};
  });
}

export const COMPUTECORE_HANDLERS: Handlers = {
  HcsCancelOperation: () => ({}),

  HcsEnumerateComputeSystems: operation(async (call, { backend }) => ({
    document: await enumerate(call, backend),
  })),
  HcsCreateComputeSystem: acceptedOperation((call, { backend }) => {
    const document = call.json("configuration") as ComputeSystemDocument;
    const made = backend.computeSystems.create(call.text("id") ?? "", document);
    const handle = systems.add(call.connection, made);
    return { answer: { handle }, result: made.then(() => ({})) };
  }),
  HcsOpenComputeSystem: immediate(async (call, { backend }) => {
    call.expect("access", GENERIC_ALL);
    const opened = await backend.computeSystems.open(call.text("id") ?? "");
    return { handle: systems.add(call.connection, Promise.resolve(opened)) };
  }),
  HcsCloseComputeSystem: async (call) => {
    removeListener(call.number("handle"));
    await systems.close(call.number("handle"));
    return {};
  },
  HcsSetComputeSystemCallback: immediate(async (call, machine) => {
    call.expect("options", EVENT_OPTIONS_NONE);
    addListener(call, "system");
    announceSystemExit(call, await systemOf(call), machine);
    return {};
  }),
  HcsStartComputeSystem: onSystem((target) => target.start()),
  HcsShutDownComputeSystem: onSystem((target) => target.shutdown()),
  HcsTerminateComputeSystem: onSystem((target) => target.terminate()),
  HcsPauseComputeSystem: onSystem((target) => target.pause()),
  HcsResumeComputeSystem: onSystem((target) => target.resume()),
  HcsGetComputeSystemProperties: operation(async (call) => ({ document: await systemProperties(call) })),
  HcsModifyComputeSystem: operation(async (call) => {
    await modifySystem(call);
    return {};
  }),

  HcsCreateProcess: acceptedOperation((call, machine) => {
    const parameters = call.json("parameters") as ProcessParameters;
    const made = systemOf(call).then((target) => target.createProcess(parameters));
    const handle = processes.add(call.connection, made);
    return { answer: { handle }, result: made.then((created) => describeProcess(created, machine)) };
  }),
  HcsOpenProcess: immediate(async (call) => {
    call.expect("access", GENERIC_ALL);
    const opened = await (await systemOf(call)).openProcess(call.number("processId"));
    return { process: processes.add(call.connection, Promise.resolve(opened)) };
  }),
  HcsCloseProcess: async (call) => {
    removeListener(call.number("handle"));
    await processes.close(call.number("handle"));
    return {};
  },
  HcsSetProcessCallback: immediate(async (call, machine) => {
    call.expect("options", EVENT_OPTIONS_NONE);
    addListener(call, "process");
    announceProcessExit(call, await processOf(call), machine);
    return {};
  }),
  HcsTerminateProcess: operation((call) => onProcess(call, (target) => target.terminate())),
  HcsSignalProcess: operation(signalProcess),
  HcsModifyProcess: operation(modifyProcess),

  HcsGetServiceProperties: immediate(async (call, machine) => ({
    document: await serviceProperties(call, machine),
  })),
  HcsModifyServiceSettings: immediate(async (call, machine) => {
    await modifyService(call, machine);
    return {};
  }),
};

function announceSystemExit(call: Call, target: ComputeSystem, machine: RigMachine): void {
  const handle = call.number("handle");
  announceExit("system", machine, target.exited, (exit) =>
    call.connection.event("system", { handle, type: EVENT.systemExited, data: systemExitData(exit) }),
  );
}

function announceProcessExit(call: Call, target: HcsProcess, machine: RigMachine): void {
  const handle = call.number("handle");
  announceExit("process", machine, target.exited, (exit) =>
    call.connection.event("process", {
      handle,
      type: EVENT.processExited,
      data: processStatus(target, exit),
    }),
  );
}
