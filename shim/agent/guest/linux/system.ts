/** Linux: the agent is process 1 of its container. */
import type { GuestSystem } from "../system.ts";
import { LINUX_LISTENERS } from "./listeners.ts";
import { LinuxProcessTrees } from "./process-trees.ts";

export function openSystem(): GuestSystem {
  return {
    platform: "posix",
    trees: new LinuxProcessTrees(process.pid === 1),
    listeners: LINUX_LISTENERS,
    endSignals: ["SIGTERM", "SIGINT"],
  };
}
