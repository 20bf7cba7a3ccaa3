/** Windows containers. */
import { between, WINDOWS_CONTAINER, type AnnotationRow } from "./row.ts";
import { boolean, int32, json, string, stringList, uint64, wordOf } from "./values.ts";

const CONTAINER = "io.microsoft.container.";
const EXCLUSIVE = "not negative; only one of count, limit and weight";

export const containerMemorySize: AnnotationRow<number> = {
  key: `${CONTAINER}memory.sizeinmb`,
  type: uint64,
  unit: "MiB",
  ...WINDOWS_CONTAINER,
  default: "windows.resources.memory.limit, else none",
  effect: "memory of the container",
};
export const containerProcessorCount: AnnotationRow<number> = {
  key: `${CONTAINER}processor.count`,
  type: int32,
  ...WINDOWS_CONTAINER,
  default: "windows.resources.cpu.count, else none",
  effect: "processors of the container, at most those of its VM or host",
  check: EXCLUSIVE,
  valid: (count) => count >= 0,
};
export const containerProcessorLimit: AnnotationRow<number> = {
  key: `${CONTAINER}processor.limit`,
  type: int32,
  unit: "1/100 percent, 1 to 10000",
  ...WINDOWS_CONTAINER,
  default: "windows.resources.cpu.maximum, else none",
  effect: "share of the processors the container may use",
  check: EXCLUSIVE,
  valid: between(0, 10_000),
};
export const containerProcessorWeight: AnnotationRow<number> = {
  key: `${CONTAINER}processor.weight`,
  type: int32,
  unit: "0 to 10000",
  ...WINDOWS_CONTAINER,
  default: "windows.resources.cpu.shares, else none",
  effect: "relative weight of the container",
  check: EXCLUSIVE,
  valid: between(0, 10_000),
};
export const containerStorageBandwidth: AnnotationRow<number> = {
  key: `${CONTAINER}storage.qos.bandwidthmaximum`,
  type: int32,
  unit: "bytes per second",
  ...WINDOWS_CONTAINER,
  default: "windows.resources.storage.bps, else none",
  effect: "storage bandwidth of the container",
  check: "not negative",
  valid: (limit) => limit >= 0,
};
export const containerStorageIops: AnnotationRow<number> = {
  key: `${CONTAINER}storage.qos.iopsmaximum`,
  type: int32,
  unit: "per second",
  ...WINDOWS_CONTAINER,
  default: "windows.resources.storage.iops, else none",
  effect: "storage operations of the container",
  check: "not negative",
  valid: (limit) => limit >= 0,
};
export const processDumpLocation: AnnotationRow<string> = {
  key: `${CONTAINER}processdumplocation`,
  type: string,
  scope: "both",
  default: "none; containers have that of their pod",
  effect: "where crashed processes leave their dumps; a suffix {container_id} is replaced",
};
export const processDumpType: AnnotationRow<1 | 2> = {
  key: "io.microsoft.wcow.processdumptype",
  type: wordOf<1 | 2>({ mini: 1, full: 2 }),
  ...WINDOWS_CONTAINER,
  strict: true,
  default: "full",
  effect: "how much of a crashed process is dumped",
};
export const processDumpCount: AnnotationRow<number> = {
  key: "io.microsoft.wcow.processdumpcount",
  type: int32,
  ...WINDOWS_CONTAINER,
  strict: true,
  default: "10",
  effect: "dumps that are kept",
  check: "positive",
  valid: (count) => count > 0,
};
export const deviceExtensions: AnnotationRow<readonly string[]> = {
  key: `${CONTAINER}wcow.deviceextensions`,
  type: stringList,
  ...WINDOWS_CONTAINER,
  default: "none",
  effect: "JSON files that describe further devices of the container's namespace",
  check: "each must exist; needs Windows build 20348",
};
export const gmsaDisabled: AnnotationRow<boolean> = {
  key: `${CONTAINER}wcow.gmsa.disable`,
  type: boolean,
  ...WINDOWS_CONTAINER,
  default: "false",
  effect: "a spec with a credential specification is refused",
};
export const testRegistryValues: AnnotationRow<string> = {
  key: `${CONTAINER}wcow.test-registry-annotation`,
  type: json,
  ...WINDOWS_CONTAINER,
  audience: "internal",
  default: "none",
  effect: "registry values of the container: an array of {Key: {Hive, Name}, Name, Type, <value>}",
  check:
    "only System below CurrentControlSet\\Services, CurrentControlSet\\Policies and Software, and Software",
};
