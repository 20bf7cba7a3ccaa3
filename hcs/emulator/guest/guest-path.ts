/**
 * Paths of the VM's own. The emulated VM shows its host's file system, so a path outside of `/run` would be the
 * host's: what is made or removed there is not the guest's to make or remove, and on a real VM it does not exist.
 */
import { posix } from "node:path";
import { GuestError, RESULT } from "./errors.ts";

const OWN = "/run/";

/** Kernel file systems, which every VM has. */
const KERNEL = ["/dev/", "/proc/", "/sys/"];

/** `path` without dots. Throws for one that is not below `/run`; `what` names it in the error. */
export function ownPath(path: string | undefined, what: string): string {
  const normal = posix.normalize(path ?? "");
  if (normal.startsWith(OWN) && normal.length > OWN.length) return normal.replace(/\/$/, "");
  throw new GuestError(RESULT.failed, `${what} "${path ?? ""}" is not below ${OWN}`);
}

/** Whether a VM has `path`: one that its host has put there, or one of its kernel's. */
export function isInVm(path: string): boolean {
  const normal = `${posix.normalize(path)}/`;
  return [OWN, ...KERNEL].some((prefix) => normal.startsWith(prefix));
}
