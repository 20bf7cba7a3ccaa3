/** Output into files: `file://` log URIs, and bare paths that turn out to be something other than a FIFO. */
import { createReadStream, createWriteStream, type ReadStream, type WriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { once } from "node:events";
import { dirname, isAbsolute } from "node:path";
import { messageOf } from "../errors.ts";
import { StdioError, systemCode } from "./errors.ts";
import type { OpenContext, StdioRequest, UpstreamStdio } from "./upstream.ts";
import { parseStdioUri, windowsPath } from "./uri.ts";

/** Directories and files get what containerd gives logs: readable by all, written by the owner. */
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;

/** `file://<absolute path>`: both outputs are appended to one file. No stdin. */
export async function openLogFile(request: StdioRequest, context: OpenContext): Promise<UpstreamStdio> {
  const path = logFilePath(request.stdout, context);
  try {
    await makeDirectories(dirname(path));
  } catch (error) {
    throw new StdioError("unavailable", "stdout", request.stdout, messageOf(error), error);
  }
  // A handle each: appends of either are whole, and neither waits for the other's disk.
  const stdout = await openAppending(path, "stdout", request.stdout);
  let stderr: WriteStream | undefined;
  try {
    if (!request.terminal) stderr = await openAppending(path, "stderr", request.stdout);
    context.signal.throwIfAborted();
  } catch (error) {
    stdout.destroy();
    stderr?.destroy();
    throw error;
  }
  return {
    paths: { stdin: request.stdin, stdout: request.stdout, stderr: request.stderr },
    stdout,
    ...(stderr === undefined ? {} : { stderr }),
    closeStdin: () => undefined,
    close: async () => {
      stdout.destroy();
      stderr?.destroy();
    },
  };
}

/**
 * `mkdir -p`. Not Node's own: where a directory answers "no such file" to the making of a member, as /proc does, that one
 * tries for ever.
 */
async function makeDirectories(path: string): Promise<void> {
  try {
    await makeDirectory(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeDirectories(dirname(path));
    await makeDirectory(path);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
}

function logFilePath(value: string, context: OpenContext): string {
  try {
    const uri = parseStdioUri(value);
    if (uri.authority !== "") throw new Error(`host "${uri.authority}" in a file URI`);
    const path = context.transport === "named-pipe" ? windowsPath(uri.path) : uri.path;
    if (!isAbsolute(path) || path.endsWith("/")) throw new Error("no absolute path of a file");
    return path;
  } catch (error) {
    throw new StdioError("invalid", "stdout", value, messageOf(error), error);
  }
}

/** Opens `path` for appending, makes it when it is not there. */
export async function openAppending(
  path: string,
  field: "stdout" | "stderr",
  value: string,
): Promise<WriteStream> {
  const stream = createWriteStream(path, { flags: "a", mode: FILE_MODE });
  try {
    await once(stream, "open");
  } catch (error) {
    throw new StdioError("unavailable", field, value, messageOf(error), error);
  }
  return stream;
}

/** Opens `path` for reading as a task's stdin. */
export async function openReading(path: string, value: string): Promise<ReadStream> {
  const stream = createReadStream(path);
  try {
    await once(stream, "open");
  } catch (error) {
    throw new StdioError("unavailable", "stdin", value, messageOf(error), error);
  }
  return stream;
}
