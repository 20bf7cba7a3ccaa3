/**
 * What a container of a pod may be, and what it takes over from its pod. One function decides it all, before anything
 * is made.
 */
import * as ANNOTATION from "../annotations/catalogue.ts";
import { SpecError } from "../errors.ts";
import type { Spec } from "../spec.ts";
import { hostProcessKind, type HostProcessKind } from "./classify.ts";

/**
 * Whether a pod has to say that it takes HostProcess containers.
 *
 * - `required`: it has to be annotated as one, and the guest of its VM has to be capable of them
 * - `merged`: the guest's capability is enough, and containers of the host need no word of their pod
 */
export type PodAnnotationPolicy = "required" | "merged";

export interface JoinInputs {
  /** The spec of the pod's sandbox. */
  readonly pod: Spec;
  readonly container: Spec;
  /** Whether the guest of the pod's VM says it can run HostProcess containers; undefined: the pod has no VM. */
  readonly guestSupport: boolean | undefined;
  readonly policy: PodAnnotationPolicy;
}

/** The pod's words that its HostProcess containers take over, and that win over their own. */
const PASSED_ON = [ANNOTATION.inheritUser.key, ANNOTATION.rootfsLocation.key];

/**
 * The annotations of the container once it belongs to the pod. The inputs are not changed.
 *
 * @throws {SpecError} for a container that the pod cannot have
 */
export function joinPod(inputs: JoinInputs): Readonly<Record<string, string>> {
  const { pod, container } = inputs;
  const podKind = hostProcessKind(pod);
  const kind = hostProcessKind(container);
  checkPod(inputs, podKind, kind);
  if (kind === "none") return withoutInheritedUser(container.annotations);
  // Whether the pod says so or not, a container in its VM gets its words: the two cannot disagree about the user.
  const takesOver = kind === "guest" || podKind === "host";
  return takesOver ? { ...container.annotations, ...passedOn(pod.annotations) } : container.annotations;
}

function checkPod(
  { pod, guestSupport, policy }: JoinInputs,
  podKind: HostProcessKind,
  kind: HostProcessKind,
): void {
  const { key } = ANNOTATION.hostProcess;
  if (podKind === "host" && kind !== "host") {
    throw new SpecError({
      at: `annotation ${key}`,
      rule: "must be true and the container not hypervisor-isolated: its pod is a HostProcess pod of the host, which has no other containers",
      value: kind === "guest" ? "a hypervisor-isolated HostProcess container" : "an ordinary container",
    });
  }
  if (kind === "guest" && guestSupport === false) {
    throw new SpecError({
      at: `annotation ${key}`,
      rule: "needs a guest that can run HostProcess containers (Windows Server 2025 or later): the guest of this pod does not say so",
      value: "true",
    });
  }
  if (policy === "required" && kind !== "none" && podKind !== kind) {
    throw new SpecError({
      at: `annotation ${key}`,
      rule: `needs the pod to be annotated in the same way: a privileged container has to be in a privileged pod`,
      value: pod.annotations[key] ?? "no such annotation on the pod",
    });
  }
}

function passedOn(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const key of PASSED_ON) {
    const value = annotations[key];
    if (value !== undefined) passed[key] = value;
  }
  return passed;
}

/** An ordinary container never runs as somebody else, whatever reached it from its pod. */
function withoutInheritedUser(
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { key } = ANNOTATION.inheritUser;
  return (annotations[key] ?? "") === "" ? annotations : { ...annotations, [key]: "false" };
}
