/** The pipes of a container's document, as the worker finds them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { hresultFromWin32 } from "../../../../hresult.ts";
import type { MappedPipe } from "../../../../schema/container.ts";
import { parsePipePath, parseSharedPipePath, pipeFileName, pipeNameProblem } from "../../../windows/pipes.ts";
import { GuestError, RESULT } from "../../errors.ts";
import { HostPipe } from "./host-pipe.ts";
import type { MappedHostPipe } from "./relay.ts";

/** Where the worker shows the pipes that it was given: each is the host's directory of pipes. */
const PIPES = "/run/shares/pipes";

const ERROR_FILE_NOT_FOUND = 2;
const ERROR_NOT_SUPPORTED = 50;

/** @throws {GuestError} for names that no pipe can have, and pipes that were not given */
export function mappedPipes(mapped: readonly MappedPipe[], directory: string = PIPES): MappedHostPipe[] {
  const taken = new Set<string>();
  return mapped.map(({ ContainerPipeName: name, HostPath }, index) => {
    const at = `/Container/MappedPipes/${index}`;
    const problem = pipeNameProblem(name);
    if (problem !== undefined)
      throw new GuestError(RESULT.invalidArgument, `${at}/ContainerPipeName "${name}" ${problem}`);
    if (taken.has(name.toLowerCase()))
      throw new GuestError(
        RESULT.invalidArgument,
        `${at}/ContainerPipeName "${name}" is that of another pipe, too`,
      );
    taken.add(name.toLowerCase());
    return { name, host: hostPipe(HostPath, at, directory) };
  });
}

function hostPipe(path: string, at: string, directory: string): HostPipe {
  if (parsePipePath(path) !== undefined) {
    throw new GuestError(
      hresultFromWin32(ERROR_NOT_SUPPORTED),
      `${at}/HostPath "${path}" is a pipe of the VM itself, and the emulated one serves none: map a pipe of the host`,
    );
  }
  const name = parseSharedPipePath(path);
  const fileName = name === undefined ? "" : pipeFileName(name);
  if (fileName !== "" && existsSync(join(directory, fileName)))
    return new HostPipe(join(directory, fileName), fileName);
  throw new GuestError(
    hresultFromWin32(ERROR_FILE_NOT_FOUND),
    `${at}/HostPath "${path}" is no pipe that was mapped into the VM before`,
  );
}
