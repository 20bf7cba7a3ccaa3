/** The catalogue by topic, in the order people read it. */
import * as confidential from "./confidential.ts";
import * as hostProcess from "./host-process.ts";
import * as linuxContainer from "./linux-container.ts";
import * as linuxVm from "./linux-vm.ts";
import * as pod from "./pod.ts";
import type { AnnotationRow } from "./row.ts";
import * as vmDevices from "./vm-devices.ts";
import * as vmMemory from "./vm-memory.ts";
import * as vmProcessor from "./vm-processor.ts";
import * as windowsContainer from "./windows-container.ts";
import * as windowsVm from "./windows-vm.ts";

export interface AnnotationTopic {
  readonly title: string;
  readonly rows: readonly AnnotationRow[];
}

export const ANNOTATION_TOPICS: readonly AnnotationTopic[] = [
  { title: "Pods", rows: Object.values(pod) },
  { title: "Windows containers", rows: Object.values(windowsContainer) },
  { title: "HostProcess containers", rows: Object.values(hostProcess) },
  { title: "Memory of utility VMs", rows: Object.values(vmMemory) },
  { title: "Processors and NUMA of utility VMs", rows: Object.values(vmProcessor) },
  { title: "Devices of utility VMs", rows: Object.values(vmDevices) },
  { title: "Windows utility VMs", rows: Object.values(windowsVm) },
  { title: "Linux utility VMs", rows: Object.values(linuxVm) },
  { title: "Linux containers", rows: Object.values(linuxContainer) },
  { title: "Confidential mode", rows: Object.values(confidential) },
];
