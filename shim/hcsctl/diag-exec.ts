/** `diag exec`: a program where a pod is, with the streams of this terminal. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { ShimDiag } from "../../protos/gen/shim-diag.ts";
import { SHIM_FLAGS, type Command } from "./command.ts";
import { FifoFeed } from "./fifo-feed.ts";
import { BUNDLE_FLAG, withShim } from "./shim-client.ts";

/** What the program is connected to. */
export interface ExecStreams {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly stdout: Writable;
  readonly stderr: Writable;
}

export const diagExec: Command = diagExecTo(process);

export function diagExecTo(target: ExecStreams): Command {
  return {
    name: "diag exec",
    usage:
      "hcsctl diag exec ID [--stdin] [--tty] [--cwd DIR] [--bundle DIR] [--address PATH] [--namespace NS] -- COMMAND [ARGUMENTS]",
    summary: "run a program in the VM of a pod, beside its containers",
    help: `Shows its output. The program runs as the guest's root or SYSTEM, and is killed when this command is. For a pod without a VM it
runs on the machine, as the shim does. Linux hosts only: its streams are FIFOs.`,
    flags: [
      ...SHIM_FLAGS,
      BUNDLE_FLAG,
      { name: "stdin", type: "boolean", description: "hand over the input of this command" },
      { name: "tty", type: "boolean", description: "run it on a terminal, with this one as its keyboard" },
      { name: "cwd", type: "string", value: "DIR", description: "working directory of the program" },
    ],
    arity: [2, Infinity],
    run: async (context) => {
      const { flags } = context;
      const terminal = flags["tty"] === true;
      const directory = mkdtempSync(join(tmpdir(), "hcsctl-"));
      const outputs: Output[] = [];
      const open = (name: string, to: Writable): string => {
        const output = openOutput(join(directory, name), to);
        outputs.push(output);
        return output.path;
      };
      let feed: FifoFeed | undefined;
      try {
        const stdout = open("stdout", target.stdout);
        // A terminal has one output.
        const stderr = terminal ? "" : open("stderr", target.stderr);
        if (terminal || flags["stdin"] === true) feed = new FifoFeed(makeFifo(join(directory, "stdin")));
        if (terminal) target.stdin.setRawMode?.(true);
        feed?.start(target.stdin);
        await withShim(context, (client) =>
          client.call(ShimDiag, "DiagExecInHost", {
            args: context.arguments.slice(1),
            workdir: String(flags["cwd"] ?? ""),
            terminal,
            stdin: feed?.path ?? "",
            stdout,
            stderr,
          }),
        );
      } finally {
        await feed?.end();
        if (terminal) target.stdin.setRawMode?.(false);
        for (const output of outputs) await output.end();
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

function makeFifo(path: string): string {
  execFileSync("mkfifo", ["-m", "600", path]);
  return path;
}

interface Output {
  readonly path: string;
  /** What was written is read to its end. */
  end(): Promise<void>;
}

/** A FIFO whose contents go to `target`. */
function openOutput(path: string, target: Writable): Output {
  makeFifo(path);
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
