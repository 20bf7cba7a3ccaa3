/**
 * Scripts that stand on the host for programs in a container: `hcsctl exec` with the arguments handed on as they are, and the
 * directory a person is in where the container has it too.
 */
import { ClientError } from "./errors.ts";
import type { DirectoryMapping } from "./paths/working-directory.ts";

export interface WrapperInit {
  readonly containerId: string;
  /** Program in the container. */
  readonly program: string;
  /** Arguments in front of the caller's. */
  readonly args?: readonly string[];
  /** Directories of the host and where the container has them; the longest that fits counts. */
  readonly directories?: readonly DirectoryMapping[];
  /** `hcsctl`, or its path. */
  readonly tool?: string;
}

/** For sh. Exit code and arguments are those of the program. */
export function shellWrapper(init: WrapperInit): string {
  const { containerId, program, args = [], directories = [], tool = "hcsctl" } = init;
  const cases = [...directories]
    .sort((a, b) => b.host.length - a.host.length)
    .map(({ host, container }) => {
      const prefix = host.replace(/\/+$/, "");
      const target = shellQuote(container.replace(/\/+$/, ""));
      return `  ${shellQuote(prefix)}|${shellQuote(prefix)}/*) set -- --workdir ${target}"\${PWD#${shellQuote(prefix)}}" -- ${words(program, args)} "$@" ;;`;
    });
  const fallback = `  *) set -- -- ${words(program, args)} "$@" ;;`;
  return `#!/bin/sh
case "$PWD" in
${[...cases, fallback].join("\n")}
esac
exec ${shellQuote(tool)} exec ${shellQuote(containerId)} --interactive "$@"
`;
}

function words(program: string, args: readonly string[]): string {
  return [program, ...args].map(shellQuote).join(" ");
}

/** @throws {ClientError} InvalidArgument for what no script can hold */
function shellQuote(text: string): string {
  if (text.includes("\0"))
    throw new ClientError("InvalidArgument", `invalid text for a script: ${JSON.stringify(text)}`);
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** For cmd.exe, which hands on what it was given as one text: quotes stay where the caller put them. */
export function commandWrapper(init: WrapperInit): string {
  const { containerId, program, args = [], directories = [], tool = "hcsctl" } = init;
  const fixed = [program, ...args].map(commandQuote).join(" ");
  // Which of them the caller is in, the tool finds out: cmd.exe can hardly compare texts.
  const maps = directories
    .map(({ host, container }) => ` --map ${commandQuote(`${host}=${container}`)}`)
    .join("");
  return [
    "@echo off",
    `${commandQuote(tool)} exec ${commandQuote(containerId)} --interactive${maps} -- ${fixed} %*`,
    "exit /b %ERRORLEVEL%",
    "",
  ].join("\r\n");
}

/** In a script a percent sign is written twice; a line break would end the command. */
function commandQuote(text: string): string {
  if (/[\0\r\n"]/.test(text))
    throw new ClientError(
      "InvalidArgument",
      `invalid text for a script of cmd.exe: ${JSON.stringify(text)}`,
      { value: text },
    );
  return `"${text.replaceAll("%", "%%").replace(/\\+$/, "$&$&")}"`;
}
