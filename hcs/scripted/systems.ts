/** Compute systems of the scripted machine. */
import type {
  ComputeSystem,
  ComputeSystems,
  ComputeSystemSummary,
  HcsProcess,
  SystemExit,
  SystemExitType,
} from "../api.ts";
import { createDeferred } from "../deferred.ts";
import { HcsError } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import type { ComputeSystemDocument, VirtualMachine } from "../schema/compute-system.ts";
import type { ModifySettingRequest } from "../schema/modify.ts";
import type { ProcessParameters } from "../schema/process.ts";
import type { PropertyQuery, SystemProperties } from "../schema/properties.ts";
import type { Json } from "./platform.ts";
import { ScriptedGuest } from "./guest.ts";
import type { ScriptedHvSockets } from "./hv-sockets.ts";
import { processListEntry, TERMINATED, type Machine } from "./machine.ts";
import { ScriptedProcess, type ProcessCalls } from "./process.ts";
import { memoryProperties, STATISTICS, WORKING_SET_BYTES } from "./statistics.ts";

export class ScriptedSystems implements ComputeSystems {
  readonly #machine: Machine;
  readonly #hvSockets: ScriptedHvSockets;
  readonly #systems = new Map<string, System>();

  constructor(machine: Machine, hvSockets: ScriptedHvSockets) {
    this.#machine = machine;
    this.#hvSockets = hvSockets;
  }

  async create(id: string, document: ComputeSystemDocument): Promise<ComputeSystem> {
    const { recorder } = this.#machine;
    const vm = "VirtualMachine" in document ? document.VirtualMachine : undefined;
    const file = recorder.keep(vm === undefined ? `container-${id}` : "uvm", document);
    recorder.attempt({ call: "HcsCreateComputeSystem", document: file, id });
    if (this.#systems.has(id))
      throw new HcsError({ operation: "create", target: id, hresult: HRESULT.systemAlreadyExists });
    const system = new System(this.#machine, this.#hvSockets, id, vm, () => this.#systems.delete(id));
    this.#systems.set(id, system);
    return system.openHandle();
  }

  async open(id: string): Promise<ComputeSystem> {
    this.#machine.recorder.attempt({ call: "HcsOpenComputeSystem", id });
    return this.#find(id).openHandle();
  }

  async enumerate(): Promise<ComputeSystemSummary[]> {
    return [];
  }

  /** A system disappears, as a crash of its VM looks. */
  crash(id: string): void {
    this.#find(id).end("UnexpectedExit");
  }

  #find(id: string): System {
    const system = this.#systems.get(id);
    if (system !== undefined) return system;
    throw new HcsError({ operation: "open", target: id, hresult: HRESULT.systemNotFound });
  }
}

/** One system, whatever the number of its handles. */
class System {
  readonly id: string;
  readonly exited: Promise<SystemExit>;
  readonly #machine: Machine;
  readonly #hvSockets: ScriptedHvSockets;
  readonly #vm: VirtualMachine | undefined;
  readonly #forget: () => void;
  readonly #exit = createDeferred<SystemExit>();
  readonly #processes: ScriptedProcess[] = [];
  #guest: ScriptedGuest | undefined;
  #handles = 0;
  #ended = false;

  constructor(
    machine: Machine,
    hvSockets: ScriptedHvSockets,
    id: string,
    vm: VirtualMachine | undefined,
    forget: () => void,
  ) {
    this.id = id;
    this.exited = this.#exit.promise;
    this.#machine = machine;
    this.#hvSockets = hvSockets;
    this.#vm = vm;
    this.#forget = forget;
  }

  openHandle(): ComputeSystem {
    this.#handles++;
    return new SystemHandle(this);
  }

  attempt(call: string, members: Json = {}): void {
    this.#machine.recorder.attempt({ call, id: this.id, ...members });
  }

  requireAlive(operation: string): void {
    if (!this.#ended) return;
    throw new HcsError({ operation, target: this.id, hresult: HRESULT.systemAlreadyStopped });
  }

  boot(): void {
    if (this.#vm !== undefined) this.#guest = new ScriptedGuest(this.#machine, this.#hvSockets);
  }

  end(exitType: SystemExitType): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#guest?.hangUp();
    for (const process of this.#processes) process.end(TERMINATED);
    this.#exit.resolve({ status: 0, exitType });
  }

  closeHandle(): void {
    this.#machine.recorder.note({ call: "HcsCloseComputeSystem", id: this.id });
    if (--this.#handles > 0) return;
    this.end("ForcedExit");
    this.#forget();
  }

  properties(query: PropertyQuery): SystemProperties {
    const wanted = new Set<string>(query.PropertyTypes);
    const running = this.#processes.filter(({ isRunning }) => isRunning);
    return {
      SystemType: this.#vm === undefined ? "Container" : "VirtualMachine",
      State: this.#ended ? "Stopped" : "Running",
      ...(this.#vm === undefined ? {} : { RuntimeId: this.#machine.platform.vmRuntimeId }),
      ...(wanted.has("ProcessList")
        ? {
            ProcessList: running.map(
              ({ processId }) => processListEntry(processId) as unknown as { ProcessId: number },
            ),
          }
        : {}),
      ...(wanted.has("Statistics") ? { Statistics: STATISTICS } : {}),
      ...(wanted.has("Memory") && this.#vm !== undefined
        ? { Memory: memoryProperties(this.#vm.ComputeTopology?.Memory?.SizeInMB ?? 0) }
        : {}),
    };
  }

  workingSet(): number | undefined {
    return this.#vm === undefined || this.#ended ? undefined : WORKING_SET_BYTES;
  }

  createProcess(parameters: ProcessParameters): HcsProcess {
    const wish = {
      stdin: parameters.CreateStdInPipe === true,
      stdout: parameters.CreateStdOutPipe === true,
      stderr: parameters.CreateStdErrPipe === true,
    };
    const process = new ScriptedProcess(this.#machine, wish, this.#processCalls, TERMINATED);
    this.#processes.push(process);
    return process;
  }

  openProcess(processId: number): HcsProcess {
    const process = this.#processes.find((candidate) => candidate.processId === processId);
    if (process !== undefined) return process;
    throw new HcsError({
      operation: "open process",
      target: String(processId),
      hresult: HRESULT.elementNotFound,
    });
  }

  readonly #processCalls: ProcessCalls = {
    signal: (pid, Signal) => this.attempt("HcsSignalProcess", { options: { Signal }, pid }),
    terminate: (pid) => this.attempt("HcsTerminateProcess", { pid }),
    resize: (pid, { height, width }) =>
      this.attempt("HcsModifyProcess", {
        pid,
        settings: { Operation: "ConsoleSize", ConsoleSize: { Height: height, Width: width } },
      }),
    closeStdin: (pid) =>
      this.attempt("HcsModifyProcess", {
        pid,
        settings: { Operation: "CloseHandle", CloseHandle: { Handle: "StdIn" } },
      }),
  };
}

class SystemHandle implements ComputeSystem {
  readonly #system: System;
  #closed = false;

  constructor(system: System) {
    this.#system = system;
  }

  get id(): string {
    return this.#system.id;
  }

  get exited(): Promise<SystemExit> {
    return this.#system.exited;
  }

  async start(): Promise<void> {
    this.#system.attempt("HcsStartComputeSystem");
    this.#system.boot();
  }

  async shutdown(): Promise<void> {
    this.#end("HcsShutDownComputeSystem", "shut down", "GracefulExit");
  }

  async terminate(): Promise<void> {
    this.#end("HcsTerminateComputeSystem", "terminate", "ForcedExit");
  }

  async pause(): Promise<void> {
    this.#system.attempt("HcsPauseComputeSystem");
  }

  async resume(): Promise<void> {
    this.#system.attempt("HcsResumeComputeSystem");
  }

  async modify(request: ModifySettingRequest): Promise<void> {
    this.#system.attempt("HcsModifyComputeSystem", { request });
    this.#system.requireAlive("modify");
  }

  async properties(query: PropertyQuery): Promise<SystemProperties> {
    this.#system.attempt("HcsGetComputeSystemProperties", { query });
    return this.#system.properties(query);
  }

  /** Asked of Windows, not of HCS: nothing that is written down. */
  async workingSet(): Promise<number | undefined> {
    return this.#system.workingSet();
  }

  async createProcess(parameters: ProcessParameters): Promise<HcsProcess> {
    this.#system.attempt("HcsCreateProcess", { parameters });
    this.#system.requireAlive("create a process in");
    return this.#system.createProcess(parameters);
  }

  async openProcess(processId: number): Promise<HcsProcess> {
    this.#system.attempt("HcsOpenProcess", { pid: processId });
    return this.#system.openProcess(processId);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#system.closeHandle();
  }

  #end(call: string, operation: string, exitType: SystemExitType): void {
    this.#system.attempt(call);
    this.#system.requireAlive(operation);
    this.#system.end(exitType);
  }
}
