/**
 * A worker that was booted ahead: it is in its namespaces, holds nothing of any system, and waits until its creator says which
 * one it is. It ends with its creator, as a worker does whose last handle closes.
 */
import { closeSync } from "node:fs";
import type { Socket } from "node:net";
import { receiveDescriptor } from "../../posix/libc.ts";
import { loadLateModules } from "../late-modules.ts";
import { creatorHandle } from "./handles.ts";
import { LineSplitter, parseHandleRequest, SPARE_TITLE } from "./messages.ts";
import { narrowView } from "./view.ts";

/** The system that a worker is. */
export interface Assignment {
  readonly directory: string;
  /** The creator's handle. */
  readonly handle: Socket;
  /** Of a worker that is older than its system: the host's mounts that it is to have, as a descriptor. */
  readonly shares?: number;
}

/** File descriptor of the socket over which the shares come. */
const SHARES_FD = 4;

/** Waits for the system. The process ends when its creator does. */
export async function waitAsSpare(stateDirectory: string): Promise<Assignment> {
  narrowView(stateDirectory);
  process.chdir("/");
  loadLateModules();
  process.title = SPARE_TITLE;
  const handle = creatorHandle();
  const directory = await firstRequest(handle);
  process.title = `runhcs-vm-worker ${directory}`;
  const shares = receiveDescriptor(SHARES_FD);
  closeSync(SHARES_FD);
  if (shares === undefined) throw new Error(`no shares came for "${directory}"`);
  return { directory, handle, shares };
}

function firstRequest(handle: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = new LineSplitter();
    const end = (): never => process.exit(0);
    handle.once("end", end);
    handle.once("error", end);
    handle.setEncoding("utf8");
    // Nothing else is asked before the worker has said that it is ready.
    handle.on("data", (chunk: string) => {
      const [line] = lines.push(chunk);
      if (line === undefined) return;
      const request = parseHandleRequest(line);
      if (request?.op !== "become") return reject(new Error(`a worker without a system was asked: ${line}`));
      handle.removeAllListeners("data").off("end", end).off("error", end);
      handle.pause();
      resolve(request.directory);
    });
  });
}
