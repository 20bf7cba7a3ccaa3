/**
 * Entry of `containerd-shim-runhcs-v1`: reads the command line and runs one command. Each command is loaded only when
 * it is chosen.
 */
import { writeFileSync } from "node:fs";
import { ownPrograms } from "./bootstrap/programs.ts";
import type { Program } from "./bootstrap/program.ts";
import type { AskKeeper } from "./commands/start.ts";
import { parseFlags, SHIM_FLAGS, shimFlags, UsageError, type ParsedFlags } from "./flags.ts";
import type { OwnPod } from "./hosting/order.ts";
import type { Options } from "./options/own.ts";
import { platformReclaimers } from "./resources/platform-reclaimers.ts";
import { VERSION } from "./version.ts";

const NAME = "containerd-shim-runhcs-v1";
const STDOUT = 1;

const HELP = `${NAME} ${VERSION}: containerd shim v2 for the Windows Host Compute Service

Started by containerd for runtime type io.containerd.runhcs.v1. People use hcsctl.

usage: ${NAME} -namespace NS -address ADDRESS -publish-binary PATH -id ID [-bundle DIR] [-debug] COMMAND
       ${NAME} -info | -v | -h

commands:
  start     find or start the process that serves the task of the bundle in the working directory; prints its address
  delete    release what the task of -bundle held; prints a DeleteResponse
`;

/** Writes all of `output` and ends. Not by `process.stdout`: making that loads what takes longer than writing. */
function finish(output: string | Uint8Array): never {
  writeFileSync(STDOUT, output);
  // Not an ordinary end: that would close the socket that `start` has handed over, and take its path away.
  process.exit(0);
}

async function run(args: readonly string[]): Promise<void> {
  const parsed = parseFlags(args, SHIM_FLAGS);
  const { switches } = parsed;
  if (switches.has("v") || switches.has("version")) return finish(`${NAME} ${VERSION}\n`);
  if (switches.has("info")) {
    const [{ runtimeInfo }, { readStdin }] = await Promise.all([
      import("./commands/info.ts"),
      import("./bootstrap/stdin.ts"),
    ]);
    return finish(runtimeInfo(readStdin(), VERSION));
  }
  const action = parsed.rest[0];
  if (switches.has("h") || switches.has("help") || action === undefined) return finish(HELP);
  const command = COMMANDS[action];
  if (command === undefined) throw new UsageError(`unknown command "${action}": must be start or delete`);
  await command(parsed);
}

const COMMANDS: Readonly<Record<string, (parsed: ParsedFlags) => Promise<void>>> = {
  start: async (parsed) => {
    const [{ start }, { readStdin }, { leaveCaller, mayStay }] = await Promise.all([
      import("./commands/start.ts"),
      import("./bootstrap/stdin.ts"),
      import("./bootstrap/stay.ts"),
    ]);
    const stays = mayStay(process.env);
    const [bundle, stdin, programs] = [process.cwd(), readStdin(), ownPrograms()];
    const request = {
      installation: programs.installation,
      workingDirectory: bundle,
      args: process.argv.slice(2),
      environment: process.env,
      stdin,
    };
    const askKeeper: AskKeeper = async (hosting, budgetMs) => {
      const { startByKeeper } = await import("./hosting/keeper/via-keeper.ts");
      return startByKeeper({ command: programs.keeper, request }, hosting, budgetMs);
    };
    const listening = process.platform === "win32" ? "by-itself" : "handed-over";
    let own: { readonly pod: OwnPod; readonly options: Options } | undefined;
    try {
      const output = await start(shimFlags(parsed), {
        bundle,
        stdin,
        placement: stays
          ? { kind: "stay", take: (pod, options) => (own = { pod, options }), askKeeper }
          : { kind: "spawn", daemonCommand: programs.serve, listening, askKeeper },
        reclaimers: platformReclaimers,
      });
      if (own === undefined || programs.serveBundle === undefined) return finish(output);
      writeFileSync(STDOUT, output);
    } catch (error) {
      // Nobody will serve there.
      own?.pod.listener.close();
      throw error;
    }
    leaveCaller(bundle);
    const { loadBundle } = await import("./bootstrap/program.ts");
    const { prepareVmFor } = await import("./hosting/spare-vms.ts");
    const spares = await prepareVmFor(own.pod.order.flags, own.options, programs);
    (loadBundle(programs.serveBundle) as Program<OwnPod>).main({ ...own.pod, spares });
  },
  // Of single executables; elsewhere they are programs of their own.
  serve: () => runBundle("serve.cjs"),
  keeper: () => runBundle("keeper.cjs"),
  delete: async (parsed) => {
    const { deleteTask } = await import("./commands/delete.ts");
    const outcome = await deleteTask(shimFlags(parsed), {
      reclaimers: platformReclaimers,
      now: () => Date.now(),
    });
    for (const remark of outcome.remarks) process.stderr.write(`${remark}\n`);
    finish(outcome.response);
  },
};

async function runBundle(name: string): Promise<void> {
  const { runEmbedded } = await import("./bootstrap/embedded.ts");
  runEmbedded(name);
}

run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${NAME}: ${error instanceof Error ? error.message : String(error)}\n`, () => {
    process.exit(1);
  });
});
