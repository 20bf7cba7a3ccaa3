/** An OCI process as the parameters a Windows process is created with. */
import type { ProcessParameters } from "../../hcs/schema/process.ts";
import type { Process } from "../spec.ts";
import { joinArguments } from "./command-line.ts";

/** The streams the client wants to have. */
export interface RequestedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export function windowsProcessParameters(process: Process, streams: RequestedStreams): ProcessParameters {
  const environment = environmentOf(process.env);
  const { consoleSize } = process;
  const commandLine = commandLineOf(process);
  return {
    ...(commandLine === "" ? {} : { CommandLine: commandLine }),
    ...(process.username ? { User: process.username } : {}),
    ...(process.cwd ? { WorkingDirectory: process.cwd } : {}),
    ...(Object.keys(environment).length === 0 ? {} : { Environment: environment }),
    ...(process.terminal ? { EmulateConsole: true } : {}),
    ...(consoleSize === undefined ? {} : { ConsoleSize: [consoleSize.height, consoleSize.width] }),
    ...(streams.stdin ? { CreateStdInPipe: true } : {}),
    ...(streams.stdout ? { CreateStdOutPipe: true } : {}),
    ...(streams.stderr ? { CreateStdErrPipe: true } : {}),
  };
}

/** The command line where the spec has one, else its arguments. */
export function commandLineOf(process: Process): string {
  return process.commandLine || joinArguments(process.args);
}

/**
 * `NAME=value` by name, later entries winning. An entry without a value is no variable: that is how Windows' own
 * environment has it, where setting a variable to nothing removes it.
 */
export function environmentOf(entries: readonly string[]): Record<string, string> {
  const pairs = entries.flatMap((entry): (readonly [string, string])[] => {
    const separator = entry.indexOf("=");
    const value = entry.slice(separator + 1);
    return separator < 0 || value === "" ? [] : [[entry.slice(0, separator), value]];
  });
  return Object.fromEntries(pairs);
}
