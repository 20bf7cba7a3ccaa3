/**
 * Keeps the code V8 has compiled of each program (`shim/bootstrap/program.ts`): every program runs once, up to where it waits for
 * something or has nothing to do, so that what it needs to get there is compiled, and nothing else but where all code is kept.
 */
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Task } from "../../protos/gen/task-v2.ts";
import { isListening } from "../../shim/bootstrap/address.ts";
import { awaitListening } from "../../shim/bootstrap/daemon.ts";
import { KEEP_VARIABLE, KEEP_WHOLE_VARIABLE } from "../../shim/bootstrap/program.ts";
import { programsBeside } from "../../shim/bootstrap/programs.ts";
import { systemClock } from "../../shim/clock.ts";
import { connect } from "../../shim/ttrpc/index.ts";

/** How one program is run for its code. */
interface Rehearsal {
  readonly bundle: string;
  /** What runs it, up to its own arguments. */
  readonly command: readonly string[];
  /** Whether code is kept that the rehearsal does not come to, too. */
  readonly isWhole?: boolean;
  /** In a directory of its own. @returns the arguments, and the socket of a program that serves until it is told to end */
  readonly prepare: (directory: string) => { readonly args: readonly string[]; readonly socket?: string };
}

/** How long a program may take until it listens, on a machine that has much else to do. */
const BOOT_MS = 60_000;

const FLAGS = ["-namespace", "build", "-address", "none", "-publish-binary", "none", "-id", "build"];

/** A workload whose pod is nowhere: everything `start` does but starting the daemon. */
const LOST_WORKLOAD = {
  annotations: { "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "none" },
};

function rehearsals(dist: string): readonly Rehearsal[] {
  const shim = join(dist, "bin", "containerd-shim-runhcs-v1");
  const { serve, keeper, vmWorker } = programsBeside(shim);
  const none = (): { args: readonly string[] } => ({ args: [] });
  return [
    {
      bundle: "shim.bundle.cjs",
      command: [process.execPath, shim],
      prepare: (directory) => {
        writeFileSync(join(directory, "config.json"), JSON.stringify(LOST_WORKLOAD));
        return { args: [...FLAGS, "start"] };
      },
    },
    {
      bundle: "serve.bundle.cjs",
      command: serve,
      prepare: (directory) => {
        const socket = join(directory, "s");
        return { args: [...FLAGS, "-socket", socket], socket };
      },
    },
    {
      bundle: "keeper.bundle.cjs",
      command: keeper,
      // A node file that names nothing: it has read its options and ends.
      prepare: (directory) => {
        rmSync(join(directory, "runhcs.toml"));
        return { args: [] };
      },
    },
    // What a VM does takes runc and root to rehearse; spares have the time to read all of it.
    { bundle: "vm-worker.bundle.cjs", command: vmWorker, isWhole: true, prepare: none },
    {
      bundle: "hcsctl.bundle.cjs",
      command: [process.execPath, join(dist, "bin", "hcsctl")],
      prepare: () => ({ args: ["--help"] }),
    },
  ];
}

/** Writes `<bundle>.cache` beside each bundle of `dist`. */
export async function keepCode(dist: string): Promise<void> {
  // Not in a directory of the user's choice: sockets below it must not have long paths.
  const parent = mkdtempSync("/tmp/runhcs-");
  try {
    await Promise.all(
      rehearsals(dist).map((rehearsal, index) => run(rehearsal, dist, join(parent, String(index)))),
    );
  } finally {
    rmSync(parent, { recursive: true });
  }
}

async function run(
  { bundle, command, prepare, isWhole = false }: Rehearsal,
  dist: string,
  directory: string,
): Promise<void> {
  mkdirSync(directory);
  const nodeFile = join(directory, "runhcs.toml");
  const state = JSON.stringify(join(directory, "state"));
  writeFileSync(nodeFile, `state_directory = ${state}\nemulator.state_directory = ${state}\n`);
  const { args, socket } = prepare(directory);
  const kept = join(dist, "libexec", `${bundle}.cache`);
  const [program = process.execPath, ...rest] = [...command, ...args];
  const said = join(directory, "said");
  const log = openSync(said, "w");
  const child = spawn(program, rest, {
    cwd: directory,
    stdio: ["ignore", "ignore", log],
    env: {
      ...{ PATH: process.env["PATH"], RUNHCS_CONFIG: nodeFile, [KEEP_VARIABLE]: kept },
      ...(isWhole ? { [KEEP_WHOLE_VARIABLE]: "1" } : {}),
    },
  });
  closeSync(log);
  const ended = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(String(signal ?? code)));
  });
  if (socket !== undefined) {
    const daemon = { pid: child.pid ?? 0, ended, said: () => readFileSync(said, "utf8") };
    try {
      await awaitListening(socket, daemon, isListening, systemClock, BOOT_MS);
      await ask(socket);
    } finally {
      child.kill("SIGTERM");
    }
  }
  await ended;
  if (!existsSync(kept)) throw new Error(`cannot keep the code of ${bundle}: its rehearsal wrote none`);
}

/** What every pod is asked first, so that the code that answers is kept, too. */
async function ask(socket: string): Promise<void> {
  await using client = await connect(socket);
  await client.call(Task, "Connect", { id: "build" });
}
