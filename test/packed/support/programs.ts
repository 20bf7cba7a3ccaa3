/** A scripted machine whose processes are programs, as in the recordings of the reference executable. */
import type { ComputeSystem, HcsBackend, HcsProcess } from "../../../hcs/api.ts";
import { ScriptedBackend } from "../../../hcs/scripted/backend.ts";
import type { Platform } from "../../../hcs/scripted/platform.ts";
import type { Recorder } from "../../../hcs/scripted/recorder.ts";
import type { ProcessParameters } from "../../../hcs/schema/process.ts";

export interface MachineWithPrograms {
  readonly backend: HcsBackend;
  /** Whoever is about to end by itself does so. */
  endPrograms(): void;
}

/**
 * `exit.exe N` ends with N, when it is let; `cat.exe` copies its input and ends with it; all others greet, and run until they
 * are ended.
 */
export function machineWithPrograms(platform: Platform, recorder: Recorder): MachineWithPrograms {
  const leaving: (() => void)[] = [];
  const backend = new ScriptedBackend(platform, [], recorder);
  const { computeSystems: systems } = backend;
  const run = ({ stdio, processId }: HcsProcess, { CommandLine = "" }: ProcessParameters): void => {
    const [program, argument] = CommandLine.split(" ");
    if (program === "cat.exe") {
      stdio.stdin?.on("data", (chunk) => stdio.stdout?.write(chunk));
      stdio.stdin?.on("end", () => backend.machine.endProcess(processId, 0));
      return;
    }
    stdio.stdout?.write("hello\r\n");
    stdio.stderr?.write("oops\r\n");
    if (program === "exit.exe") leaving.push(() => backend.machine.endProcess(processId, Number(argument)));
  };
  const withPrograms = (system: ComputeSystem): ComputeSystem =>
    replacing(system, {
      // As in the recordings, a system outlives whoever had it open: that is what "delete" finds of a shim that was killed.
      close: async () => void system.exited.then(() => system.close()),
      createProcess: async (parameters) => {
        const process = await system.createProcess(parameters);
        run(process, parameters);
        return process;
      },
    });
  return {
    backend: replacing<HcsBackend>(backend, {
      computeSystems: {
        create: async (id, document) => withPrograms(await systems.create(id, document as never)),
        open: async (id) => withPrograms(await systems.open(id)),
        enumerate: () => systems.enumerate(),
      },
    }),
    endPrograms: () => {
      for (const leave of leaving.splice(0)) leave();
    },
  };
}

/** The same object, but for some members. */
function replacing<T extends object>(whole: T, members: Partial<T>): T {
  return new Proxy(whole, {
    get: (target, name) => {
      if (name in members) return members[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value as () => unknown).bind(target) : value;
    },
  });
}
