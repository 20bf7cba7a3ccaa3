/** Named pipes: the one that the address names, and one for the log, which containerd dials. */
import { closeSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { PipeServer } from "../../hcs/win32/pipes/server.ts";
import { OptionsDebugType } from "../../protos/gen/runhcs.ts";
import { isListening, logPipePath } from "../bootstrap/address.ts";
import { nowhereDestination, stderrDestination, type LogDestination } from "../log/destination.ts";
import { pipeDestination } from "../log/pipe-destination.ts";
import type { ServingPlatform } from "./serving.ts";

export const SERVING_ON_WINDOWS: ServingPlatform = {
  listen: async (server, { path }) => {
    server.own(serve(path, (stream) => void server.handleConnection(stream)));
  },
  offer: async (path, onConnection) => {
    try {
      return serve(path, onConnection);
    } catch (error) {
      // The system does not say whether the name is taken or refused.
      if (await isListening(path)) return undefined;
      throw error;
    }
  },
  openLog: ({ debugType, namespace, id }) => {
    const path = logPipePath(namespace, id);
    return (LOGS[debugType] ?? stderrDestination)(path);
  },
  // A pipe goes with the process that serves it.
  removeSocket: () => undefined,
  printTo: async (path) => {
    for (const descriptor of [1, 2]) {
      closeSync(descriptor);
      // The lowest that is free is the next to be given out. Where another thread was faster, what is printed is lost.
      const given = openSync(path, "a");
      if (given !== descriptor) closeSync(given);
    }
  },
};

function serve(path: string, onConnection: (stream: Socket) => void): PipeServer {
  return PipeServer.listen(path, {
    onConnection,
    onError: (error) => process.stderr.write(`cannot serve a client of ${path}: ${error.message}\n`),
  });
}

/** By `debug_type`. Standard error is a file in the bundle. */
const LOGS: Readonly<Record<number, (path: string) => LogDestination>> = {
  [OptionsDebugType.NPIPE]: (path) => pipeDestination((options) => PipeServer.listen(path, options)),
  [OptionsDebugType.FILE]: stderrDestination,
  // There is no provider of ours: whoever asks for ETW wants no pipe.
  [OptionsDebugType.ETW]: nowhereDestination,
};
