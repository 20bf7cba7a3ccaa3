/**
 * Keeps the code V8 has compiled of each program (`shim/hosting/load.ts`): every program runs once, up to where it waits for
 * something or has nothing to do, so that what it needs to get there is compiled, and nothing else.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DAEMON_FLAGS, programsBeside } from "../../shim/bootstrap/programs.ts";

/** How one program is run for its code. */
interface Rehearsal {
  readonly bundle: string;
  /** What runs it, up to its own arguments; Node with the flags of production. */
  readonly command: readonly string[];
  /** In a directory of its own. @returns the arguments, and the file whose appearance means "that was it" */
  readonly prepare: (directory: string) => { readonly args: readonly string[]; readonly ready?: string };
}

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
      command: [process.execPath, ...DAEMON_FLAGS, shim],
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
        return { args: [...FLAGS, "-socket", socket], ready: socket };
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
    { bundle: "vm-worker.bundle.cjs", command: vmWorker, prepare: none },
    {
      bundle: "hcsctl.bundle.cjs",
      command: [process.execPath, join(dist, "bin", "hcsctl")],
      prepare: () => ({ args: ["--help"] }),
    },
  ];
}

/** Writes `<bundle>.cache` beside each bundle of `dist`. */
export async function keepCode(dist: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "runhcs-build-"));
  try {
    await Promise.all(rehearsals(dist).map((rehearsal) => run(rehearsal, dist, directory)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function run({ bundle, command, prepare }: Rehearsal, dist: string, parent: string): Promise<void> {
  const directory = join(parent, bundle);
  mkdirSync(directory);
  const nodeFile = join(directory, "runhcs.toml");
  const state = JSON.stringify(join(directory, "state"));
  writeFileSync(nodeFile, `state_directory = ${state}\nemulator.state_directory = ${state}\n`);
  const { args, ready } = prepare(directory);
  const kept = join(dist, "libexec", `${bundle}.cache`);
  const [program = process.execPath, ...rest] = [...command, ...args];
  const child = spawn(program, rest, {
    cwd: directory,
    stdio: "ignore",
    env: { PATH: process.env["PATH"], RUNHCS_CONFIG: nodeFile, RUNHCS_KEEP_CODE: kept },
  });
  if (ready !== undefined) endWhenThere(child, directory, ready);
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  if (!existsSync(kept)) throw new Error(`cannot keep the code of ${bundle}: its rehearsal wrote none`);
}

function endWhenThere(child: ChildProcess, directory: string, ready: string): void {
  const look = (): void => {
    if (existsSync(ready)) child.kill("SIGTERM");
  };
  const watcher = watch(directory, look);
  child.once("exit", () => watcher.close());
  look();
}
