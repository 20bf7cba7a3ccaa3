/** What the agent needs of the system that it runs on: a folder beside this file for each. */
import type { Platform } from "./environment.ts";
import type { Listeners } from "./listen.ts";
import type { ProcessTrees } from "./process-trees.ts";

export interface GuestSystem {
  readonly platform: Platform;
  readonly trees: ProcessTrees;
  readonly listeners: Listeners;
  /** What the first process of a container is told when it is to end. */
  readonly endSignals: readonly NodeJS.Signals[];
}
