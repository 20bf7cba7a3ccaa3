/** What makes a container a HostProcess container, and which of the two kinds. */
import * as ANNOTATION from "../annotations/catalogue.ts";
import type { Spec } from "../spec.ts";

/**
 * - `none`: an ordinary container
 * - `host`: processes of the host in a job
 * - `guest`: privileged processes of the pod's VM
 */
export type HostProcessKind = "none" | "host" | "guest";

/** Only Windows has such containers, and only the exact text `true` makes one. */
export function isHostProcess({ annotations, linux, windows }: Spec): boolean {
  if (linux !== undefined || windows === undefined) return false;
  return annotations[ANNOTATION.hostProcess.key] === "true";
}

export function hostProcessKind(spec: Spec): HostProcessKind {
  if (!isHostProcess(spec)) return "none";
  return spec.windows?.hyperv === true ? "guest" : "host";
}
