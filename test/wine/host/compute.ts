/** What the DLLs of compute systems have in common: what they ask the machine, and in which words they answer. */
import type {
  ComputeSystem,
  ConsoleSize,
  EnumerationQuery,
  HcsBackend,
  HcsProcess,
  ProcessExit,
  ProcessSignal,
  SystemExit,
} from "../../../hcs/api.ts";
import { stringifyJson } from "../../../hcs/json.ts";
import type { ModifySettingRequest } from "../../../hcs/schema/modify.ts";
import type { ModifyServiceRequest } from "../../../hcs/schema/service.ts";
import type { Connection } from "./connection.ts";
import type { Call, RigMachine } from "./call.ts";
import type { Fields } from "./frame.ts";
import { processes, systems } from "./open-systems.ts";

export const systemOf = (call: Call): Promise<ComputeSystem> => systems.get(call.number("handle"));
export const processOf = (call: Call): Promise<HcsProcess> => processes.get(call.number("handle"));

/** JSON of HcsEnumerateComputeSystems. */
export async function enumerate(call: Call, { computeSystems }: HcsBackend): Promise<string> {
  const query = call.json("query") as { Ids?: string[]; Owners?: string[] } | undefined;
  const wanted: EnumerationQuery = {
    ...(query?.Ids === undefined ? {} : { ids: query.Ids }),
    ...(query?.Owners === undefined ? {} : { owners: query.Owners }),
  };
  const listed = await computeSystems.enumerate(wanted);
  return JSON.stringify(
    listed.map(({ id, owner, systemType, state, runtimeId }) => ({
      Id: id,
      Owner: owner,
      SystemType: systemType,
      State: state,
      RuntimeId: runtimeId,
    })),
  );
}

/** JSON of HcsGetComputeSystemProperties. */
export async function systemProperties(call: Call): Promise<string> {
  return stringifyJson(await (await systemOf(call)).properties(call.json("query") ?? {}));
}

export async function modifySystem(call: Call): Promise<void> {
  await (await systemOf(call)).modify(call.json("configuration") as ModifySettingRequest);
}

/** JSON of HcsGetServiceProperties. */
export async function serviceProperties(call: Call, { backend }: RigMachine): Promise<string> {
  return stringifyJson(await backend.serviceProperties(call.json("query") ?? {}));
}

export async function modifyService(call: Call, { backend }: RigMachine): Promise<void> {
  await backend.modifyService(call.json("settings") as ModifyServiceRequest);
}

const ERROR_NOT_FOUND = 0x8007_0490;

/** Work on a process, whose outcome "gone" is a code of the real service. */
export async function onProcess(call: Call, work: (target: HcsProcess) => Promise<unknown>): Promise<Fields> {
  return (await work(await processOf(call))) === "gone" ? { hresult: ERROR_NOT_FOUND } : {};
}

export function signalProcess(call: Call): Promise<Fields> {
  const { Signal } = call.json("options") as { Signal: ProcessSignal };
  return onProcess(call, (target) => target.signal(Signal));
}

export function modifyProcess(call: Call, { streams }: RigMachine): Promise<Fields> {
  const settings = call.json("settings") as {
    Operation: "ConsoleSize" | "CloseHandle";
    ConsoleSize?: { Height: number; Width: number };
  };
  return onProcess(call, async (target) => {
    if (settings.Operation === "CloseHandle") {
      // What is in the pipe is read before its end.
      await streams.received(target.stdio.stdin);
      return target.closeStdin();
    }
    const { Height, Width } = settings.ConsoleSize ?? { Height: 0, Width: 0 };
    const size: ConsoleSize = { height: Height, width: Width };
    return target.resize(size);
  });
}

/** What HCS_PROCESS_INFORMATION is made of. */
export function describeProcess(created: HcsProcess, { streams }: RigMachine): Fields {
  return { processId: created.processId, ...streams.offer(created) };
}

/** Data of the notification that a system has exited. */
export function systemExitData({ status, exitType }: SystemExit): string {
  return JSON.stringify({ Status: status | 0, ExitType: exitType });
}

/** A process status. */
export function processStatus({ processId }: HcsProcess, exit: ProcessExit | undefined): string {
  return JSON.stringify({
    ProcessId: processId,
    Exited: exit !== undefined,
    ExitCode: exit?.exitCode ?? 0,
    LastWaitResult: 0,
  });
}

/** Who has registered for what happens to a handle. */
interface Listener {
  readonly connection: Connection;
  readonly kind: "system" | "process";
  readonly handle: number;
}

const listeners = new Map<number, Listener>();

export function addListener(call: Call, kind: Listener["kind"]): void {
  const handle = call.number("handle");
  listeners.set(handle, { connection: call.connection, kind, handle });
}

export function removeListener(handle: number): void {
  listeners.delete(handle);
}

/** The type of this event, by DLL. */
const SERVICE_DISCONNECT: Readonly<Record<string, number>> = {
  "computecore.dll": 0x0200_0000,
  "vmcompute.dll": 0x0100_0000,
};

/** Tells everybody who listens that the service has gone. */
export function disconnectService(): void {
  for (const { connection, kind, handle } of listeners.values())
    connection.event(kind, { handle, type: SERVICE_DISCONNECT[connection.library.toLowerCase()], status: 0 });
}

/** Tells of an exit once it has happened, unless notifications of this kind are withheld. */
export function announceExit<T>(
  kind: "system" | "process",
  machine: RigMachine,
  exited: Promise<T>,
  tell: (exit: T) => void,
): void {
  const announce = async (): Promise<void> => {
    let exit: T;
    try {
      exit = await exited;
    } catch {
      // What was never made, or whose end will never be known, has no notification.
      return;
    }
    const notification = `${kind} exited`;
    if (machine.faults.take(notification)?.action === "withhold") await machine.faults.hang(notification);
    tell(exit);
  };
  announce().catch((error: unknown) => machine.violation(`${kind} exited`, String(error)));
}
