/** Linux containers in a utility VM; most of these the guest reads out of the spec it is given. */
import { LINUX_CONTAINER, VM_PREFIX, type AnnotationRow } from "./row.ts";
import { anyCaseTrue, boolean, string, stringList, uint64 } from "./values.ts";

const IN_GUEST = { ...LINUX_CONTAINER, audience: "guest" } as const;

export const privileged: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}lcow.privileged`,
  type: boolean,
  ...LINUX_CONTAINER,
  default: "false",
  effect: "no seccomp filter, and all devices of the VM",
};
export const hostNetwork: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}lcow.hostnetwork`,
  type: boolean,
  ...IN_GUEST,
  default: "false; containers of a pod have the sandbox's",
  effect: "the container has the VM's own network namespace",
};
export const shmSize: AnnotationRow<number> = {
  key: "io.microsoft.lcow.shm.size-kb",
  type: uint64,
  unit: "KiB",
  ...IN_GUEST,
  strict: true,
  default: "that of the spec's mount",
  effect: "size of /dev/shm",
  check: "positive",
  valid: (size) => size > 0,
};
export const coreLimit: AnnotationRow<string> = {
  key: "io.microsoft.lcow.rlimitcore",
  type: string,
  ...IN_GUEST,
  scope: "both",
  default: "none",
  effect: 'RLIMIT_CORE as "soft;hard"',
  check: "two unsigned integers",
  valid: (text) => /^[0-9]+;[0-9]+$/.test(text),
};
export const teeLogPath: AnnotationRow<string> = {
  key: "io.microsoft.container.lcow.tee-log-path",
  type: string,
  ...IN_GUEST,
  default: "none",
  effect: "file below the sandbox's log directory in the guest that output is copied to",
  check: "relative, inside that directory",
};
export const teeLogMount: AnnotationRow<string> = {
  key: "io.microsoft.container.lcow.tee-log-dir-mount",
  type: string,
  ...IN_GUEST,
  default: "none",
  effect: "where the container sees the sandbox's log directory",
};
export const gpuCapabilities: AnnotationRow<readonly string[]> = {
  key: "io.microsoft.container.gpu.capabilities",
  type: stringList,
  ...IN_GUEST,
  default: "none",
  effect: "what of a GPU the container may use",
};
export const skipPodNetworking: AnnotationRow<boolean> = {
  key: "io.microsoft.cri.skip-pod-networking",
  type: anyCaseTrue,
  ...IN_GUEST,
  scope: "pod",
  default: "false",
  effect: "a pod without a network namespace is no mistake",
};
export const virtualPodId: AnnotationRow<string> = {
  key: "io.microsoft.cri.virtual-pod-id",
  type: string,
  ...LINUX_CONTAINER,
  default: "none",
  effect:
    "groups containers of one VM: the one whose id this is brings network and limits, the others join it",
};
