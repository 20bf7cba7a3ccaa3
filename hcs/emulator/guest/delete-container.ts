/** Removing what a container has left in the guest. */
import { existsSync, rmSync } from "node:fs";
import { removeCgroup, type CgroupHierarchy } from "../cgroup/tree.ts";
import { mountsAtOrBelow } from "../storage/mount-table.ts";
import type { Container } from "./container.ts";
import { GuestError, RESULT } from "./errors.ts";
import { removeContainerSockets } from "./hv-sockets.ts";
import type { Runc } from "./runc.ts";
import { removeSandboxMounts } from "./sandbox.ts";

export interface DeleteDependencies {
  readonly runc: Runc;
  readonly hierarchies: readonly CgroupHierarchy[];
}

/**
 * Removes a container's processes, cgroup and files. One that was still running is an error for the host, which
 * should have stopped it, but nothing of it stays either. Every step is tried; the first failure is reported.
 */
export async function deleteContainer(container: Container, dependencies: DeleteDependencies): Promise<void> {
  const { id, about } = container;
  const failures: unknown[] = [];
  if (container.state === "running") {
    failures.push(
      new GuestError(RESULT.invalidState, `container "${id}" is not stopped: it is still running`),
    );
  }
  const steps: readonly (() => void | Promise<void>)[] = [
    () => dependencies.runc.delete(id),
    () => container.release(),
    () => removeCgroup(about.cgroup, dependencies.hierarchies),
    () => (about.kind.type === "sandbox" ? removeSandboxMounts(about.bundle) : undefined),
    () => removeContainerSockets(id),
    () => removeTree(about.scratch),
    () => removeTree(about.bundle),
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * Removes a directory with everything in it. Refuses when something is mounted at or below it: that belongs to
 * somebody else, a directory of the host for instance.
 */
function removeTree(path: string | undefined): void {
  if (path === undefined || path === "" || !existsSync(path)) return;
  const [mounted] = mountsAtOrBelow(path);
  if (mounted !== undefined) {
    throw new GuestError(
      RESULT.failed,
      `cannot remove "${path}": device or resource busy: "${mounted.mountPoint}"`,
    );
  }
  rmSync(path, { recursive: true, force: true });
}
