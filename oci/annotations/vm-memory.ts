/** Memory of a utility VM. */
import { LINUX_VM, VM, VM_PREFIX, type AnnotationRow } from "./row.ts";
import { boolean, uint64, wideUint64, type Uint64 } from "./values.ts";

const MEMORY = `${VM_PREFIX}computetopology.memory.`;

export const vmMemorySize: AnnotationRow<number> = {
  key: `${MEMORY}sizeinmb`,
  type: uint64,
  unit: "MiB",
  ...VM,
  default: "windows.resources.memory.limit, else 1024 (2048 in confidential mode)",
  effect: "memory of the VM, rounded up to even",
  check: "at least 2048 in confidential mode of Windows",
};
export const vmLowMmioGap: AnnotationRow<Uint64> = {
  key: `${MEMORY}lowmmiogapinmb`,
  type: wideUint64,
  unit: "MiB",
  ...VM,
  default: "chosen by HCS",
  effect: "ComputeTopology.Memory.LowMmioGapInMB",
};
export const vmHighMmioBase: AnnotationRow<Uint64> = {
  key: `${MEMORY}highmmiobaseinmb`,
  type: wideUint64,
  unit: "MiB",
  ...VM,
  default: "chosen by HCS",
  effect: "ComputeTopology.Memory.HighMmioBaseInMB",
};
export const vmHighMmioGap: AnnotationRow<Uint64> = {
  key: `${MEMORY}highmmiogapinmb`,
  type: wideUint64,
  unit: "MiB",
  ...VM,
  default: "chosen by HCS",
  effect: "ComputeTopology.Memory.HighMmioGapInMB",
};
export const vmAllowOvercommit: AnnotationRow<boolean> = {
  key: `${MEMORY}allowovercommit`,
  type: boolean,
  ...VM,
  default: "true",
  effect: "memory is committed on demand; off means physically backed",
};
export const vmDeferredCommit: AnnotationRow<boolean> = {
  key: `${MEMORY}enabledeferredcommit`,
  type: boolean,
  ...VM,
  default: "false",
  effect: "memory is reserved lazily",
  check: "needs overcommit",
};
export const vmColdDiscardHint: AnnotationRow<boolean> = {
  key: `${MEMORY}enablecolddiscardhint`,
  type: boolean,
  ...LINUX_VM,
  default: "false",
  effect: "ComputeTopology.Memory.EnableColdDiscardHint",
  check: "needs Windows build 18967",
};
export const vmPhysicallyBacked: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}fullyphysicallybacked`,
  type: boolean,
  ...VM,
  default: "false",
  effect:
    "forces overcommit off, VPMem devices to 0 and shares without direct mapping; wins over the overcommit key",
};
