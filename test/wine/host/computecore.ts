/** Answers the calls of the stand-in for computecore.dll. */
import type { ComputeSystem, ConsoleSize, HcsProcess, ProcessSignal } from "../../../hcs/api.ts";
import { stringifyJson } from "../../../hcs/json.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import type { ModifySettingRequest } from "../../../hcs/schema/modify.ts";
import type { ProcessParameters } from "../../../hcs/schema/process.ts";
import type { ModifyServiceRequest } from "../../../hcs/schema/service.ts";
import type { Call, Handler, Handlers, RigMachine } from "./call.ts";
import type { Connection } from "./connection.ts";
import type { Fields } from "./frame.ts";
import { processes, systems } from "./open-systems.ts";
import { acceptedOperation, immediate, operation } from "./operations.ts";

const GENERIC_ALL = 0x1000_0000;
const EVENT = { systemExited: 0x1, processExited: 0x1_0000 } as const;
const EVENT_OPTIONS = { none: 0, liveMigration: 4 } as const;
const ERROR_NOT_FOUND = 0x8007_0490;

const system = (call: Call): Promise<ComputeSystem> => systems.get(call.number("handle"));
const process = (call: Call): Promise<HcsProcess> => processes.get(call.number("handle"));

function onSystem(work: (target: ComputeSystem, call: Call) => Promise<unknown>): Handler {
  return operation(async (call) => {
    const document = await work(await system(call), call);
    return document === undefined ? {} : { document: stringifyJson(document) };
  });
}

/** What the real service answers when the process has gone: a code, where the port has an outcome. */
function onProcess(work: (target: HcsProcess, call: Call) => Promise<unknown>): Handler {
  return operation(async (call) =>
    (await work(await process(call), call)) === "gone" ? { hresult: ERROR_NOT_FOUND } : {},
  );
}

export const COMPUTECORE_HANDLERS: Handlers = {
  HcsCancelOperation: () => ({}),

  HcsEnumerateComputeSystems: operation(async (call, { backend }) => {
    const query = call.json("query") as { Ids?: string[]; Owners?: string[] } | undefined;
    const listed = await backend.computeSystems.enumerate({
      ...(query?.Ids === undefined ? {} : { ids: query.Ids }),
      ...(query?.Owners === undefined ? {} : { owners: query.Owners }),
    });
    return {
      document: JSON.stringify(
        listed.map(({ id, owner, systemType, state, runtimeId }) => ({
          Id: id,
          Owner: owner,
          SystemType: systemType,
          State: state,
          RuntimeId: runtimeId,
        })),
      ),
    };
  }),
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
    await systems.close(call.number("handle"));
    return {};
  },
  HcsSetComputeSystemCallback: immediate(async (call, machine) => {
    call.expect(
      "options",
      call.number("registered") === 1 ? EVENT_OPTIONS.liveMigration : EVENT_OPTIONS.none,
    );
    if (call.number("registered") === 1) announceSystemExit(call, await system(call), machine);
    return {};
  }),
  HcsStartComputeSystem: onSystem((target) => target.start()),
  HcsShutDownComputeSystem: onSystem((target) => target.shutdown()),
  HcsTerminateComputeSystem: onSystem((target) => target.terminate()),
  HcsPauseComputeSystem: onSystem((target) => target.pause()),
  HcsResumeComputeSystem: onSystem((target) => target.resume()),
  HcsGetComputeSystemProperties: onSystem((target, call) => target.properties(call.json("query") ?? {})),
  HcsModifyComputeSystem: onSystem((target, call) =>
    target.modify(call.json("configuration") as ModifySettingRequest),
  ),

  HcsCreateProcess: acceptedOperation((call, machine) => {
    const parameters = call.json("parameters") as ProcessParameters;
    const made = system(call).then((target) => target.createProcess(parameters));
    const handle = processes.add(call.connection, made);
    return { answer: { handle }, result: made.then((created) => describeProcess(created, machine)) };
  }),
  HcsOpenProcess: immediate(async (call) => {
    call.expect("access", GENERIC_ALL);
    const opened = await (await system(call)).openProcess(call.number("processId"));
    return { process: processes.add(call.connection, Promise.resolve(opened)) };
  }),
  HcsCloseProcess: async (call) => {
    await processes.close(call.number("handle"));
    return {};
  },
  HcsSetProcessCallback: immediate(async (call, machine) => {
    call.expect("options", EVENT_OPTIONS.none);
    if (call.number("registered") === 1) announceProcessExit(call, await process(call), machine);
    return {};
  }),
  HcsGetProcessInfo: operation(async (call, machine) => describeProcess(await process(call), machine)),
  HcsTerminateProcess: onProcess((target) => target.terminate()),
  HcsSignalProcess: onProcess((target, call) => {
    const { Signal } = call.json("options") as { Signal: ProcessSignal };
    return target.signal(Signal);
  }),
  HcsModifyProcess: onProcess((target, call) => {
    const settings = call.json("settings") as {
      Operation: "ConsoleSize" | "CloseHandle";
      ConsoleSize?: { Height: number; Width: number };
    };
    if (settings.Operation === "CloseHandle") return target.closeStdin();
    const { Height, Width } = settings.ConsoleSize ?? { Height: 0, Width: 0 };
    const size: ConsoleSize = { height: Height, width: Width };
    return target.resize(size);
  }),

  HcsGetServiceProperties: immediate(async (call, { backend }) => ({
    document: stringifyJson(await backend.serviceProperties(call.json("query") ?? {})),
  })),
  HcsModifyServiceSettings: immediate(async (call, { backend }) => {
    await backend.modifyService(call.json("settings") as ModifyServiceRequest);
    return {};
  }),
};

function describeProcess(created: HcsProcess, { streams }: RigMachine): Fields {
  return {
    processId: created.processId,
    stdin: streams.offer(created.stdio.stdin),
    stdout: streams.offer(created.stdio.stdout),
    stderr: streams.offer(created.stdio.stderr),
  };
}

function announceSystemExit(call: Call, target: ComputeSystem, machine: RigMachine): void {
  announce(call.connection, machine, "system", call.number("handle"), EVENT.systemExited, async () => {
    const { status, exitType } = await target.exited;
    return { Status: status | 0, ExitType: exitType };
  });
}

function announceProcessExit(call: Call, target: HcsProcess, machine: RigMachine): void {
  announce(call.connection, machine, "process", call.number("handle"), EVENT.processExited, async () => {
    const { exitCode } = await target.exited;
    return {
      ProcessId: target.processId,
      Exited: true,
      ExitCode: exitCode,
      LastWaitResult: 0,
    };
  });
}

/** Tells of an exit, unless notifications of this kind are withheld. */
function announce(
  connection: Connection,
  machine: RigMachine,
  kind: "system" | "process",
  handle: number,
  type: number,
  exit: () => Promise<object>,
): void {
  exit()
    .then(async (data) => {
      if (machine.faults.take(`${kind} exited`)?.action === "withhold") await machine.faults.hang();
      connection.event(kind, { handle, type, data: JSON.stringify(data) });
    })
    // A process whose exit will never be known has no notification.
    .catch(() => undefined);
}
