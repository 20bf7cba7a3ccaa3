/**
 * The annotations this shim reads, as data. One row says everything about a key; the reader, validation,
 * documentation and tests derive from these rows.
 */
import { boolean, int32, string, uint32, uint64, type ValueType } from "./values.ts";

/** Whose spec the key is read from: the sandbox (or a standalone task) when its VM is built, or each container. */
export type AnnotationScope = "pod" | "container";

export interface AnnotationRow<T = unknown> {
  readonly key: string;
  readonly type: ValueType<T>;
  readonly unit?: string;
  readonly scope: AnnotationScope;
  /** What holds when the key is absent, for people. */
  readonly default: string;
  /** Where the value goes or what it does. */
  readonly effect: string;
}

function row<T>(
  key: string,
  type: ValueType<T>,
  scope: AnnotationScope,
  absent: string,
  effect: string,
  unit?: string,
): AnnotationRow<T> {
  return { key, type, scope, default: absent, effect, ...(unit === undefined ? {} : { unit }) };
}

const VM = "io.microsoft.virtualmachine.";
const MEMORY = `${VM}computetopology.memory.`;
const PROCESSOR = `${VM}computetopology.processor.`;

export const vmMemorySize: AnnotationRow<number> = row(
  `${MEMORY}sizeinmb`,
  uint64,
  "pod",
  "1024",
  "memory of the VM, rounded up to even",
  "MiB",
);
export const vmLowMmioGap: AnnotationRow<number> = row(
  `${MEMORY}lowmmiogapinmb`,
  uint64,
  "pod",
  "chosen by HCS",
  "LowMmioGapInMB",
  "MiB",
);
export const vmHighMmioBase: AnnotationRow<number> = row(
  `${MEMORY}highmmiobaseinmb`,
  uint64,
  "pod",
  "chosen by HCS",
  "HighMmioBaseInMB",
  "MiB",
);
export const vmHighMmioGap: AnnotationRow<number> = row(
  `${MEMORY}highmmiogapinmb`,
  uint64,
  "pod",
  "chosen by HCS",
  "HighMmioGapInMB",
  "MiB",
);
export const vmAllowOvercommit: AnnotationRow<boolean> = row(
  `${MEMORY}allowovercommit`,
  boolean,
  "pod",
  "true",
  "memory is committed on demand",
);
export const vmDeferredCommit: AnnotationRow<boolean> = row(
  `${MEMORY}enabledeferredcommit`,
  boolean,
  "pod",
  "false",
  "memory is reserved lazily; needs overcommit",
);
export const vmColdDiscardHint: AnnotationRow<boolean> = row(
  `${MEMORY}enablecolddiscardhint`,
  boolean,
  "pod",
  "false",
  "EnableColdDiscardHint of Linux VMs; needs build 18967",
);
export const vmPhysicallyBacked: AnnotationRow<boolean> = row(
  `${VM}fullyphysicallybacked`,
  boolean,
  "pod",
  "false",
  "forces overcommit off and VPMem devices to 0; wins over the overcommit key",
);
export const vmProcessorCount: AnnotationRow<number> = row(
  `${PROCESSOR}count`,
  int32,
  "pod",
  "2, or 1 on a one-processor host",
  "processors of the VM",
);
export const vmProcessorLimit: AnnotationRow<number> = row(
  `${PROCESSOR}limit`,
  int32,
  "pod",
  "none",
  "share of the host's processors the VM may use",
  "1/1000 percent, 1 to 100000",
);
export const vmProcessorWeight: AnnotationRow<number> = row(
  `${PROCESSOR}weight`,
  int32,
  "pod",
  "none",
  "relative weight of the VM",
  "0 to 10000",
);
export const vmStorageBandwidth: AnnotationRow<number> = row(
  `${VM}storageqos.bandwidthmaximum`,
  int32,
  "pod",
  "none",
  "storage bandwidth of the VM",
  "bytes per second",
);
export const vmStorageIops: AnnotationRow<number> = row(
  `${VM}storageqos.iopsmaximum`,
  int32,
  "pod",
  "none",
  "storage operations of the VM",
  "per second",
);
export const vpmemCount: AnnotationRow<number> = row(
  `${VM}devices.virtualpmem.maximumcount`,
  uint32,
  "pod",
  "64, 0 on arm64",
  "VPMem devices of a Linux VM, at most 128; 0 gives four SCSI controllers instead",
);
export const vpmemSize: AnnotationRow<number> = row(
  `${VM}devices.virtualpmem.maximumsizebytes`,
  uint64,
  "pod",
  "4294967296",
  "size of each VPMem device, a multiple of 4096",
  "bytes",
);
export const kernelBootOptions: AnnotationRow<string> = row(
  `${VM}lcow.kernelbootoptions`,
  string,
  "pod",
  "none",
  "appended to the kernel command line",
);
export const vpciEnabled: AnnotationRow<boolean> = row(
  `${VM}lcow.vpcienabled`,
  boolean,
  "pod",
  "false",
  "PCI in a Linux VM; off adds pci=off",
);
export const timeSyncDisabled: AnnotationRow<boolean> = row(
  `${VM}lcow.timesync.disable`,
  boolean,
  "pod",
  "false",
  "the guest does not follow the host's clock",
);
export const processDumpLocation: AnnotationRow<string> = row(
  "io.microsoft.container.processdumplocation",
  string,
  "pod",
  "none",
  "where crashed processes of a Linux VM leave their core dumps",
);
