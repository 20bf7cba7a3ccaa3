/**
 * Hyper-V sockets that containers listen on. On Windows any process of a VM may bind a service; here a container that asks
 * for it gets a directory of its own in which a unix socket named by the service id is such a binding. It sees neither the
 * host's sockets nor those of its siblings.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { containerSocketsName } from "../hv-socket-names.ts";

/** Where the guest has the Hyper-V sockets of its VM. */
const SOCKETS = "/run/hv";

/** Makes the directory of container `id`. @returns its path */
export function makeContainerSockets(id: string): string {
  const directory = containerSockets(id);
  mkdirSync(directory, { recursive: true });
  // Whatever user the container has may listen.
  chmodSync(directory, 0o777);
  return directory;
}

/** Removes what container `id` has listened on. */
export function removeContainerSockets(id: string): void {
  rmSync(containerSockets(id), { recursive: true, force: true });
}

function containerSockets(id: string): string {
  const key = createHash("sha256").update(id, "utf8").digest("hex").slice(0, 8);
  return join(SOCKETS, containerSocketsName(key));
}
