/**
 * Which part a task plays in a pod, as the CRI plugin of containerd annotates it.
 */
import { SpecError } from "./errors.ts";

export const CONTAINER_TYPE = "io.kubernetes.cri.container-type";
export const SANDBOX_ID = "io.kubernetes.cri.sandbox-id";

/**
 * - `standalone`: not part of a pod
 * - `sandbox`: the pod itself
 * - `workload`: a container of pod `podId`
 */
export type Identity =
  | { readonly role: "standalone" }
  | { readonly role: "sandbox"; readonly podId: string }
  | { readonly role: "workload"; readonly podId: string };

/** @throws {SpecError} when the two annotations contradict each other */
export function identityOf(annotations: Readonly<Record<string, string>>): Identity {
  const type = annotations[CONTAINER_TYPE];
  const podId = annotations[SANDBOX_ID] ?? "";
  if (type === undefined) {
    if (podId === "") return { role: "standalone" };
    throw new SpecError({
      at: `annotation ${SANDBOX_ID}`,
      rule: `needs annotation ${CONTAINER_TYPE}`,
      value: podId,
    });
  }
  if (type !== "sandbox" && type !== "container") {
    throw new SpecError({
      at: `annotation ${CONTAINER_TYPE}`,
      rule: 'must be "sandbox" or "container"',
      value: type,
    });
  }
  if (podId === "") {
    throw new SpecError({
      at: `annotation ${CONTAINER_TYPE}`,
      rule: `needs annotation ${SANDBOX_ID}`,
      value: type,
    });
  }
  return { role: type === "sandbox" ? "sandbox" : "workload", podId };
}
