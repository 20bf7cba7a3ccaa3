/** A scripted machine whose processes do something: each copies its stdin to its stdout, says `oops` on stderr, and ends with stdin. */
import type { PassThrough } from "node:stream";
import type { ComputeSystem, HcsBackend, HcsProcess } from "../../../hcs/api.ts";
import type { ScriptedBackend } from "../../../hcs/scripted/backend.ts";

export function echoing(backend: ScriptedBackend): HcsBackend {
  const animate = (process: HcsProcess): HcsProcess => {
    const { stdin, stdout, stderr } = process.stdio as Partial<Record<string, PassThrough>>;
    if (stdout !== undefined) stdin?.pipe(stdout, { end: false });
    stderr?.write("oops");
    stdin?.once("end", () => backend.machine.endProcess(process.processId, 0));
    return process;
  };
  const wrapSystem = (system: ComputeSystem): ComputeSystem =>
    override(system, {
      createProcess: async (parameters, options) => animate(await system.createProcess(parameters, options)),
    });
  const { computeSystems } = backend;
  return override<HcsBackend>(backend, {
    computeSystems: override(computeSystems, {
      create: async (id, document) => wrapSystem(await computeSystems.create(id, document as never)),
      open: async (id) => wrapSystem(await computeSystems.open(id)),
    }),
  });
}

/** An object with some of its members replaced; the others are its own, private state included. */
function override<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get: (object, name) => {
      if (name in members) return members[name as keyof T];
      const value = Reflect.get(object, name, object) as unknown;
      return typeof value === "function" ? (value.bind(object) as unknown) : value;
    },
  });
}
