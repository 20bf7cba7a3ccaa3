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

/** Rows by the name the code uses for them. */
export const ANNOTATION = {
  vmMemorySize: row(
    `${MEMORY}sizeinmb`,
    uint64,
    "pod",
    "1024",
    "memory of the VM, rounded up to even",
    "MiB",
  ),
  vmLowMmioGap: row(`${MEMORY}lowmmiogapinmb`, uint64, "pod", "chosen by HCS", "LowMmioGapInMB", "MiB"),
  vmHighMmioBase: row(`${MEMORY}highmmiobaseinmb`, uint64, "pod", "chosen by HCS", "HighMmioBaseInMB", "MiB"),
  vmHighMmioGap: row(`${MEMORY}highmmiogapinmb`, uint64, "pod", "chosen by HCS", "HighMmioGapInMB", "MiB"),
  vmAllowOvercommit: row(`${MEMORY}allowovercommit`, boolean, "pod", "true", "memory is committed on demand"),
  vmDeferredCommit: row(
    `${MEMORY}enabledeferredcommit`,
    boolean,
    "pod",
    "false",
    "memory is reserved lazily; needs overcommit",
  ),
  vmColdDiscardHint: row(
    `${MEMORY}enablecolddiscardhint`,
    boolean,
    "pod",
    "false",
    "EnableColdDiscardHint of Linux VMs; needs build 18967",
  ),
  vmPhysicallyBacked: row(
    `${VM}fullyphysicallybacked`,
    boolean,
    "pod",
    "false",
    "forces overcommit off and VPMem devices to 0; wins over the overcommit key",
  ),
  vmProcessorCount: row(
    `${PROCESSOR}count`,
    int32,
    "pod",
    "2, or 1 on a one-processor host",
    "processors of the VM",
  ),
  vmProcessorLimit: row(
    `${PROCESSOR}limit`,
    int32,
    "pod",
    "none",
    "share of the host's processors the VM may use",
    "1/1000 percent, 1 to 100000",
  ),
  vmProcessorWeight: row(
    `${PROCESSOR}weight`,
    int32,
    "pod",
    "none",
    "relative weight of the VM",
    "0 to 10000",
  ),
  vmStorageBandwidth: row(
    `${VM}storageqos.bandwidthmaximum`,
    int32,
    "pod",
    "none",
    "storage bandwidth of the VM",
    "bytes per second",
  ),
  vmStorageIops: row(
    `${VM}storageqos.iopsmaximum`,
    int32,
    "pod",
    "none",
    "storage operations of the VM",
    "per second",
  ),
  vpmemCount: row(
    `${VM}devices.virtualpmem.maximumcount`,
    uint32,
    "pod",
    "64, 0 on arm64",
    "VPMem devices of a Linux VM, at most 128; 0 gives four SCSI controllers instead",
  ),
  vpmemSize: row(
    `${VM}devices.virtualpmem.maximumsizebytes`,
    uint64,
    "pod",
    "4294967296",
    "size of each VPMem device, a multiple of 4096",
    "bytes",
  ),
  kernelBootOptions: row(
    `${VM}lcow.kernelbootoptions`,
    string,
    "pod",
    "none",
    "appended to the kernel command line",
  ),
  vpciEnabled: row(`${VM}lcow.vpcienabled`, boolean, "pod", "false", "PCI in a Linux VM; off adds pci=off"),
  timeSyncDisabled: row(
    `${VM}lcow.timesync.disable`,
    boolean,
    "pod",
    "false",
    "the guest does not follow the host's clock",
  ),
  processDumpLocation: row(
    "io.microsoft.container.processdumplocation",
    string,
    "pod",
    "none",
    "where crashed processes of a Linux VM leave their core dumps",
  ),
} as const satisfies Record<string, AnnotationRow>;
