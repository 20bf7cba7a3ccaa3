/** `exec --in … --out …`: a program in a container, with files that go in and files that come back. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reproducibleArguments } from "../../agent/toolchain/reproducible.ts";
import { UsageError } from "../../flags.ts";
import type { CommandContext } from "../command.ts";
import { reporting } from "../containers/exit-code.ts";
import { withContainer } from "./connect.ts";

/** What shells and docker add to the number of the signal that a program ended by. */
const BY_SIGNAL = 128;

export function runAgentExec(context: CommandContext): Promise<void> {
  return reporting(context.exit, () => work(context));
}

async function work(context: CommandContext): Promise<void> {
  const { flags, lists, arguments: words } = context;
  const text = (name: string): string | undefined =>
    typeof flags[name] === "string" ? flags[name] : undefined;
  const wanted = lists["out"];
  // Complete or not at all: what came back is moved when everything has.
  const output = wanted === undefined ? undefined : mkdtempSync(join(tmpdir(), "hcsctl-out-"));
  const command = words.slice(1);
  const source = text("in");
  const env = lists["env"];
  const cwd = text("workdir");
  const timeoutMs = seconds(text("timeout"));
  const odd = ["tty", "interactive", "user"].find((name) => flags[name] !== undefined);
  if (odd !== undefined) throw new UsageError(`--${odd} cannot be used with --in or --out`);
  try {
    const result = await withContainer(context, (container, signal) =>
      container.exec(
        {
          argv: flags["reproducible"] === true ? reproducibleArguments(command).argv : command,
          ...(source === undefined ? {} : { source }),
          ...(output === undefined ? {} : { output, outputs: wanted ?? [] }),
          ...(env === undefined ? {} : { env }),
          ...(cwd === undefined ? {} : { cwd }),
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
          onOutput: (stream, bytes) => write(process[stream], bytes),
        },
        signal,
      ),
    );
    if (output !== undefined) cpSync(output, text("to") ?? ".", { recursive: true });
    context.exit(result.signal === 0 ? result.exitCode & 0xff : BY_SIGNAL + result.signal);
  } finally {
    if (output !== undefined) rmSync(output, { recursive: true, force: true });
  }
}

function seconds(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number > 0)) throw new UsageError(`--timeout must be a number of seconds (found "${value}")`);
  return Math.ceil(number * 1000);
}

/** Resolves when more may be written: a slow terminal slows the program down instead of filling memory. */
function write(stream: NodeJS.WritableStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    stream.write(bytes, (error) => (error instanceof Error ? reject(error) : resolve())),
  );
}
