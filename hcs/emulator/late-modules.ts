/** Modules that bundles load when something of them is first used (`scripts/build/lazy-modules.ts`). */

/** Of Node: nothing of them is used until a pod's first call is answered. */
export const LATE_MODULES: readonly string[] = [
  "node:child_process",
  "node:crypto",
  "node:fs/promises",
  "node:os",
  "node:stream/promises",
  "node:timers/promises",
  "node:tty",
];

/** Loads them, for a process that has the time before it gets a pod. */
export function loadLateModules(): void {
  for (const name of LATE_MODULES) process.getBuiltinModule(name);
}
