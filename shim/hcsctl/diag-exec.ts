/** `diag exec`: a program in the VM of a pod, with the streams of this terminal. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { ShimDiag } from "../../protos/gen/shim-diag.ts";
import { SHIM_FLAGS, type Command } from "./command.ts";
import { BUNDLE_FLAG, withShim } from "./shim-client.ts";

/** Where the program's output goes. */
export interface OutputStreams {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

export const diagExec: Command = diagExecTo(process);

export function diagExecTo(target: OutputStreams): Command {
  return {
    name: "diag exec",
    usage:
      "hcsctl diag exec ID [--cwd DIR] [--bundle DIR] [--address PATH] [--namespace NS] -- COMMAND [ARGUMENTS]",
    summary: "run a program in the VM of a pod, beside its containers",
    help: `Shows its output. The program runs as the guest's root or SYSTEM, and is killed when this command is.
Linux hosts only: its output comes through FIFOs.`,
    flags: [
      ...SHIM_FLAGS,
      BUNDLE_FLAG,
      { name: "cwd", type: "string", value: "DIR", description: "working directory in the VM" },
    ],
    arity: [2, Infinity],
    run: async (context) => {
      const args = context.arguments.slice(1);
      const workdir = String(context.flags["cwd"] ?? "");
      const directory = mkdtempSync(join(tmpdir(), "hcsctl-"));
      const outputs: Output[] = [];
      try {
        const stdout = openOutput(join(directory, "stdout"), target.stdout);
        outputs.push(stdout);
        const stderr = openOutput(join(directory, "stderr"), target.stderr);
        outputs.push(stderr);
        await withShim(context, (client) =>
          client.call(ShimDiag, "DiagExecInHost", {
            args,
            workdir,
            stdout: stdout.path,
            stderr: stderr.path,
          }),
        );
      } finally {
        for (const output of outputs) await output.end();
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

interface Output {
  readonly path: string;
  /** What was written is read to its end. */
  end(): Promise<void>;
}

/** A FIFO whose contents go to `target`. */
function openOutput(path: string, target: Writable): Output {
  execFileSync("mkfifo", ["-m", "600", path]);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // Without a writer of our own there is an end of file before the shim has opened it.
  const keeper = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  const over = finished(socket, { writable: false });
  over.catch(() => undefined);
  socket.on("data", (chunk: Buffer) => target.write(chunk));
  return {
    path,
    end: async () => {
      closeSync(keeper);
      await over;
    },
  };
}
