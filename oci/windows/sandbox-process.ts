/** What the sandbox of a pod in process isolation runs. */
import type { Process, Spec } from "../spec.ts";

/** A command prompt without a command and without input ends at once; a sandbox has to stay. */
const PROMPT = "c:\\windows\\system32\\cmd.exe";
const FOR_EVER = "cmd /c ping -t 127.0.0.1 > nul";

/** The spec, its process replaced when that is a bare command prompt. */
export function withLastingProcess(spec: Spec): Spec {
  const { process } = spec;
  return process !== undefined && isPrompt(process)
    ? { ...spec, process: { ...process, commandLine: FOR_EVER } }
    : spec;
}

function isPrompt({ args, commandLine }: Process): boolean {
  const [program] = args;
  return (args.length === 1 && program?.toLowerCase() === PROMPT) || commandLine?.toLowerCase() === PROMPT;
}
