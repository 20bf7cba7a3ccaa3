/**
 * The directory of the machine's pipes, which is removed when it is empty: what is in it for a system keeps it, and with
 * it the view that the system's worker has of it.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipesDirectory } from "./state-directory.ts";

/** For a system that is no more; it need not have kept the directory. */
export function releasePipesDirectory(stateDirectory: string, runtimeId: string): void {
  rmSync(markerOf(stateDirectory, runtimeId), { force: true });
}

/** Makes it where it is not there. @returns its path */
export function keepPipesDirectory(stateDirectory: string, runtimeId: string): string {
  const directory = pipesDirectory(stateDirectory);
  for (;;) {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    try {
      writeFileSync(markerOf(stateDirectory, runtimeId), "");
      return directory;
    } catch (error) {
      // Another system's end came in between.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

function markerOf(stateDirectory: string, runtimeId: string): string {
  return join(pipesDirectory(stateDirectory), `.for-${runtimeId}`);
}
