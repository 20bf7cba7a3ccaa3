/** `emulator ps`, `emulator inspect`, `emulator gc`: compute systems, whoever made them. */
import {
  findSystem,
  listSystems,
  reclaimOrphans,
  type SystemListing,
} from "../../hcs/emulator/systems/reclaim.ts";
import { readSystemFile } from "../../hcs/emulator/systems/system-file.ts";
import { JSON_FLAG, type Command } from "./command.ts";
import { formatTable } from "./table.ts";

export const emulatorPs: Command = {
  name: "emulator ps",
  usage: "hcsctl emulator ps [--json]",
  summary: "list compute systems",
  flags: [JSON_FLAG],
  arity: [0, 0],
  run: async ({ flags, options, print }) => {
    const systems = listSystems(options.emulatorStateDirectory);
    if (flags["json"] === true) print(`${JSON.stringify(systems, null, 2)}\n`);
    else print(systems.length === 0 ? "no compute systems\n" : formatTable(COLUMNS, systems.map(rowOf)));
  },
};

const COLUMNS = [
  { title: "ID" },
  { title: "STATE" },
  { title: "OWNER" },
  { title: "PID", align: "right" },
  { title: "RUNTIME ID" },
  { title: "CREATED" },
] as const;

function rowOf({ id, state, owner, worker, runtimeId, createdAt }: SystemListing): string[] {
  return [id, state, owner, String(worker.pid), runtimeId, createdAt];
}

export const emulatorInspect: Command = {
  name: "emulator inspect",
  usage: "hcsctl emulator inspect ID",
  summary: "show a compute system and the document it was made of",
  flags: [],
  arity: [1, 1],
  run: async ({ arguments: [given = ""], options, print }) => {
    const directory = options.emulatorStateDirectory;
    // People know pods and tasks; their VM has a suffix.
    const system = findSystem(directory, given) ?? findSystem(directory, `${given}@vm`);
    if (system === undefined)
      throw new Error(`cannot inspect "${given}": there is no such compute system in ${directory}`);
    const { document } = readSystemFile(system.directory);
    print(`${JSON.stringify({ ...system, document }, null, 2)}\n`);
  },
};

export const emulatorGc: Command = {
  name: "emulator gc",
  usage: "hcsctl emulator gc",
  summary: "remove what compute systems that died have left behind",
  flags: [],
  arity: [0, 0],
  run: async ({ options, print }) => {
    const count = await reclaimOrphans(options.emulatorStateDirectory);
    print(`${count} compute systems removed\n`);
  },
};
