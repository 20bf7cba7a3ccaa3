/** What a pod is, how it is connected, and what it does without. */
import type { AnnotationRow } from "./row.ts";
import { VM } from "./row.ts";
import { boolean, string, wordOf } from "./values.ts";

export const containerType: AnnotationRow<"sandbox" | "container"> = {
  key: "io.kubernetes.cri.container-type",
  type: wordOf({ sandbox: "sandbox", container: "container" }),
  scope: "both",
  strict: true,
  default: "a task that is not part of a pod",
  effect: "whether the task is a pod or one of its containers; written by containerd",
};
export const sandboxId: AnnotationRow<string> = {
  key: "io.kubernetes.cri.sandbox-id",
  type: string,
  scope: "both",
  default: "a task that is not part of a pod",
  effect: "id of the pod; written by containerd",
};
export const unsafeOperationsDisabled: AnnotationRow<boolean> = {
  key: "io.microsoft.disable-unsafe-operations",
  type: boolean,
  scope: "both",
  default: "none",
  effect:
    "sets, with the same text, what disables group managed accounts, writable shares, direct mapping and HostProcess",
  check: "none of those four may be there with another text",
};
export const networkProxy: AnnotationRow<string> = {
  key: "io.microsoft.network.ncproxy",
  type: string,
  ...VM,
  default: "none",
  effect: "address of a network configuration proxy, which brings the VM's adapters",
};
export const networkProxyContainer: AnnotationRow<string> = {
  key: "io.microsoft.network.ncproxy.containerid",
  type: string,
  ...VM,
  default: "the id of the pod",
  effect: "what the proxy is told the VM is called",
};
