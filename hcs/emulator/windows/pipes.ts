/**
 * Named pipes of the emulated machine: `\\.\pipe\<name>` is the unix socket of that name in the emulator's directory of
 * pipes. Whoever listens there serves the pipe.
 */
import { IPC_SHARE, parseSharePath, sharePath } from "./paths.ts";

const PREFIX = "\\\\.\\pipe\\";

/** Windows: what a whole path of a pipe may have, and Linux: a file name in bytes. */
const LONGEST_PATH = 256;
const LONGEST_FILE_NAME = 255;

/** The name of a pipe of the machine; undefined for what is no path of one. */
export function parsePipePath(path: string): string | undefined {
  return path.toLowerCase().startsWith(PREFIX) ? path.slice(PREFIX.length) : undefined;
}

/** Why there can be no pipe of this name, as it reads after the name; undefined when there can. */
export function pipeNameProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\0-\x1f]/.test(name)) return "must have no control characters";
  if (PREFIX.length + name.length > LONGEST_PATH)
    return `must have at most ${LONGEST_PATH - PREFIX.length} characters`;
  if (Buffer.byteLength(pipeFileName(name)) > LONGEST_FILE_NAME)
    return `must have at most ${LONGEST_FILE_NAME} bytes as the file name "${pipeFileName(name)}"`;
  return undefined;
}

/**
 * The name of a pipe's socket. Letter case does not matter to Windows: it is the lower-case one of all names that mean
 * the same. What a file name cannot hold, and a dot in front, is written as in URLs: `docker\engine` is `docker%5cengine`.
 */
export function pipeFileName(name: string): string {
  return name.toLowerCase().replaceAll(/^\.|[%/\\]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
}

/** How a pipe of the machine is called where it has been brought to: in a VM, or around a container of the host. */
export function sharedPipePath(name: string): string {
  return sharePath(IPC_SHARE, name);
}

/** The name of a pipe that has been brought here; undefined for another path. */
export function parseSharedPipePath(path: string): string | undefined {
  const share = parseSharePath(path);
  return share?.name.toLowerCase() === IPC_SHARE.toLowerCase() ? share.components.join("\\") : undefined;
}
