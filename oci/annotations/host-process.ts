/** HostProcess containers. */
import type { AnnotationRow } from "./row.ts";
import { boolean, exactTrue, string } from "./values.ts";

const HOST_PROCESS = { scope: "both", os: "windows" } as const;

export const hostProcess: AnnotationRow<boolean> = {
  key: "microsoft.com/hostprocess-container",
  type: exactTrue,
  ...HOST_PROCESS,
  default: "false",
  effect: "processes of the host in a job, or privileged ones of the VM's guest under hypervisor isolation",
};
export const inheritUser: AnnotationRow<boolean> = {
  key: "microsoft.com/hostprocess-inherit-user",
  type: exactTrue,
  ...HOST_PROCESS,
  default: "false",
  effect: "the shim's own account on the host, NT AUTHORITY\\SYSTEM in a VM",
};
export const rootfsLocation: AnnotationRow<string> = {
  key: "microsoft.com/hostprocess-rootfs-location",
  type: string,
  ...HOST_PROCESS,
  default: "C:\\hpc",
  effect: "where the container's files appear",
  check: "in a VM: an absolute path outside the guest's own directories",
};
export const hostProcessDisabled: AnnotationRow<boolean> = {
  key: "microsoft.com/disable-hostprocess-container",
  type: boolean,
  scope: "both",
  default: "false",
  effect: "refuses a spec that is annotated as HostProcess",
};
