/** Named pipes: the one that the address names, and one for the log, which containerd dials. */
import { PipeServer } from "../../hcs/win32/pipes/server.ts";
import { OptionsDebugType } from "../../protos/gen/runhcs.ts";
import { logPipePath } from "../bootstrap/address.ts";
import { nowhereDestination, stderrDestination, type LogDestination } from "../log/destination.ts";
import { pipeDestination } from "../log/pipe-destination.ts";
import type { ServingPlatform } from "./serving.ts";

export const SERVING_ON_WINDOWS: ServingPlatform = {
  listen: async (server, { path }) => {
    PipeServer.listen(path, {
      onConnection: (stream) => void server.handleConnection(stream),
      onError: (error) => process.stderr.write(`cannot serve a client of ${path}: ${error.message}\n`),
    });
  },
  openLog: ({ debugType, namespace, id }) => {
    const path = logPipePath(namespace, id);
    return (LOGS[debugType] ?? stderrDestination)(path);
  },
  // A pipe goes with the process that serves it.
  removeSocket: () => undefined,
};

/** By `debug_type`. Standard error is a file in the bundle. */
const LOGS: Readonly<Record<number, (path: string) => LogDestination>> = {
  [OptionsDebugType.NPIPE]: (path) => pipeDestination((options) => PipeServer.listen(path, options)),
  [OptionsDebugType.FILE]: stderrDestination,
  // There is no provider of ours: whoever asks for ETW wants no pipe.
  [OptionsDebugType.ETW]: nowhereDestination,
};
