/** Named pipes of the machine that a VM, or a container on the host, is given. */
import { rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { showDirectory, type ModifyTarget } from "../storage/plan9-shares.ts";
import { unmountDirectly } from "../storage/storage.ts";
import { unmountTree } from "../storage/unmount-tree.ts";
import { parsePipePath, pipeFileName, pipeNameProblem, sharedPipePath } from "../windows/pipes.ts";
import { keepPipesDirectory } from "./pipes-directory.ts";
import type { HostPaths } from "./state-directory.ts";

/** Who gets pipes. */
export interface PipeUser {
  readonly stateDirectory: string;
  readonly runtimeId: string;
  readonly paths: HostPaths;
}

/**
 * Lets a worker connect to a pipe, whether somebody serves it already or not. It sees the whole directory: a server that
 * starts anew makes a new socket.
 *
 * @param hostPath `\\.\pipe\…`
 * @returns the path that the worker knows the pipe by
 */
export function sharePipe(user: PipeUser, hostPath: string, target: ModifyTarget): string {
  const refuse = refusal(hostPath, target);
  const name = requireName(hostPath, refuse);
  const { stateDirectory, runtimeId, paths } = user;
  const directory = keepPipesDirectory(stateDirectory, runtimeId);
  showDirectory(paths, join(paths.pipes, pipeFileName(name)), { path: directory, readOnly: true }, refuse);
  return sharedPipePath(name);
}

export async function removePipe({ paths }: PipeUser, hostPath: string, target: ModifyTarget): Promise<void> {
  const refuse = refusal(hostPath, target);
  const directory = join(paths.pipes, pipeFileName(requireName(hostPath, refuse)));
  if (statSync(directory, { throwIfNoEntry: false }) === undefined)
    refuse(HRESULT.elementNotFound, "it is not mapped");
  await unmountTree(directory, unmountDirectly);
  rmdirSync(directory);
}

type Refuse = (hresult: number, detail: string, cause?: unknown) => never;

function requireName(hostPath: string, refuse: Refuse): string {
  const name = parsePipePath(hostPath);
  if (name === undefined)
    return refuse(HRESULT.invalidArgument, "a pipe of the host is named \\\\.\\pipe\\<name>");
  const problem = pipeNameProblem(name);
  return problem === undefined
    ? name
    : refuse(HRESULT.invalidArgument, `the name behind \\\\.\\pipe\\ ${problem}`);
}

function refusal(hostPath: string, { operation, id }: ModifyTarget): Refuse {
  return (hresult, detail, cause) => {
    throw new HcsError({
      operation,
      target: id,
      hresult,
      detail: `mapped pipe "${hostPath}": ${detail}`,
      cause,
    });
  };
}
