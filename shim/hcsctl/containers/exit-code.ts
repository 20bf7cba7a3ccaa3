/** What verbs that run programs exit with when none was run, as shells and docker do. */
import { AgentError } from "../../agent/protocol/errors.ts";
import { ClientError } from "../../client/errors.ts";
import { messageOf } from "../../errors.ts";
import { UsageError } from "../../flags.ts";

const CODE = { toolFailed: 125, notExecutable: 126, notFound: 127 } as const;

/** Says why a program was not run, and exits with the code for that. @throws {UsageError} */
export async function reporting(exit: (code: number) => void, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    process.stderr.write(`hcsctl: ${messageOf(error)}\n`);
    exit(codeOf(error));
  }
}

/** What runtimes and agents say about a program that is not there, or that is none. */
const SAID: readonly { readonly pattern: RegExp; readonly code: number }[] = [
  {
    pattern: /executable file not found|exec.*: no such file or directory|cannot find the file/i,
    code: CODE.notFound,
  },
  { pattern: /exec.*: (?:permission denied|exec format error|is a directory)/i, code: CODE.notExecutable },
  { pattern: /^cannot run ".*": ENOENT$/s, code: CODE.notFound },
  { pattern: /^cannot run ".*": (?:EACCES|ENOEXEC|it is a script)/s, code: CODE.notExecutable },
];

function codeOf(error: unknown): number {
  if (!ClientError.is(error) && !(error instanceof AgentError)) return CODE.toolFailed;
  return SAID.find(({ pattern }) => pattern.test(error.message))?.code ?? CODE.toolFailed;
}
