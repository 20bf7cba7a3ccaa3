/** annotations → the task's part in a pod. */
import { identityOf, type Identity } from "../../../../oci/identity.ts";
import type { Json } from "../../../../hcs/scripted/platform.ts";

/** Roles as CRI annotates them. */
const TYPE: Readonly<Record<Identity["role"], string>> = {
  standalone: "",
  sandbox: "sandbox",
  workload: "container",
};

export function sandboxTypeRow({ annotations }: Json): Json {
  const identity = identityOf(annotations as Record<string, string>);
  return { type: TYPE[identity.role], id: identity.role === "standalone" ? "" : identity.podId };
}
