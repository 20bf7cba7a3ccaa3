/** A socket, which `start` has bound, and the FIFO in the bundle. */
import { closeSync, existsSync, openSync, unlinkSync } from "node:fs";
import { isListening } from "../bootstrap/address.ts";
import { bundleFile } from "../bootstrap/bundle.ts";
import { listenUnlessServed } from "../bootstrap/daemon.ts";
import { fifoDestination, stderrDestination } from "../log/destination.ts";
import type { ServingPlatform } from "./serving.ts";

export const SERVING_ON_LINUX: ServingPlatform = {
  listen: async (server, { path, descriptor }) => {
    await server.listen(descriptor === undefined ? { path } : { fd: descriptor });
  },
  offer: async (path, onConnection) => {
    const server = await listenUnlessServed(path, isListening);
    server?.on("connection", onConnection);
    return server;
  },
  openLog: ({ bundle }) => {
    const fifo = bundle === undefined ? undefined : bundleFile(bundle, "log");
    return fifo !== undefined && existsSync(fifo) ? fifoDestination(fifo) : stderrDestination();
  },
  printTo: async (path) => {
    const { duplicateOnto } = await import("../../hcs/posix/libc.ts");
    const file = openSync(path, "a", 0o600);
    for (const descriptor of [1, 2]) duplicateOnto(file, descriptor);
    closeSync(file);
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
