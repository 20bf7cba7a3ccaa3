/** The pipes of a process as Node streams. */
import type { Duplex } from "node:stream";
import type { ProcessStdio } from "../../api.ts";
import { adoptPipe } from "../pipes/adopt.ts";
import type { ProcessInformation } from "./native.ts";
import { closeStreams } from "./process-information.ts";

const READ = { readable: true, writable: false } as const;
const WRITE = { readable: false, writable: true } as const;

/** Takes the handles over: all of them become streams, or none stays open. */
export function streamsOf({ processId, ...handles }: ProcessInformation): ProcessStdio {
  const streams: { -readonly [N in keyof ProcessStdio]: Duplex } = {};
  const left = { ...handles };
  try {
    for (const name of ["stdin", "stdout", "stderr"] as const) {
      const handle = left[name];
      if (handle === undefined) continue;
      left[name] = undefined;
      streams[name] = adoptPipe(handle, name === "stdin" ? WRITE : READ);
    }
    return streams;
  } catch (error) {
    for (const stream of Object.values(streams)) stream.destroy();
    closeStreams({ processId, ...left });
    throw error;
  }
}
