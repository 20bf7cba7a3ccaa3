/** A socket, which `start` has bound, and the FIFO in the bundle. */
import { existsSync, unlinkSync } from "node:fs";
import { bundleFile } from "../bootstrap/bundle.ts";
import { fifoDestination, stderrDestination } from "../log/destination.ts";
import type { ServingPlatform } from "./serving.ts";

export const SERVING_ON_LINUX: ServingPlatform = {
  listen: async (server, { path, descriptor }) => {
    await server.listen(descriptor === undefined ? { path } : { fd: descriptor });
  },
  openLog: ({ bundle }) => {
    const fifo = bundle === undefined ? undefined : bundleFile(bundle, "log");
    return fifo !== undefined && existsSync(fifo) ? fifoDestination(fifo) : stderrDestination();
  },
  removeSocket: (path) => {
    if (path === "") return;
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  },
};
