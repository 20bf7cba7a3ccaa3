/** Utility VMs for Linux containers. */
import { between, LINUX_VM, VM_PREFIX, type AnnotationRow } from "./row.ts";
import { boolean, string, uint32, uint32List, uint64, wordOf } from "./values.ts";

const LCOW = `${VM_PREFIX}lcow.`;

export const vpmemCount: AnnotationRow<number> = {
  key: `${VM_PREFIX}devices.virtualpmem.maximumcount`,
  type: uint32,
  ...LINUX_VM,
  default: "64, 0 on arm64",
  effect: "VPMem devices of the VM; 0 gives four SCSI controllers instead",
  check: "at most 128",
  valid: between(0, 128),
};
export const vpmemSize: AnnotationRow<number> = {
  key: `${VM_PREFIX}devices.virtualpmem.maximumsizebytes`,
  type: uint64,
  unit: "bytes",
  ...LINUX_VM,
  default: "4294967296",
  effect: "size of each VPMem device",
  check: "a multiple of 4096",
  valid: (size) => size % 4096 === 0,
};
export const vpmemNoMultiMapping: AnnotationRow<boolean> = {
  key: `${LCOW}vpmem.nomultimapping`,
  type: boolean,
  ...LINUX_VM,
  default: "true before Windows build 18362, else false",
  effect: "each layer has a VPMem device of its own",
};
export const vpciEnabled: AnnotationRow<boolean> = {
  key: `${LCOW}vpcienabled`,
  type: boolean,
  ...LINUX_VM,
  default: "false",
  effect: "PCI in the VM; off adds pci=off to the kernel command line",
};
export const extraVsockPorts: AnnotationRow<readonly number[]> = {
  key: `${LCOW}extra-vsock-ports`,
  type: uint32List,
  ...LINUX_VM,
  audience: "internal",
  default: "none",
  effect: "further ports in the Hyper-V socket table of a confidential VM",
};
export const scratchEncrypted: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}storage.scratch.encrypted`,
  type: boolean,
  ...LINUX_VM,
  default: "false, true with a security policy",
  effect: "the guest encrypts the scratch of containers",
};
export const kernelBootOptions: AnnotationRow<string> = {
  key: `${LCOW}kernelbootoptions`,
  type: string,
  ...LINUX_VM,
  default: "none",
  effect: "appended to the kernel command line",
};
export const timeSyncDisabled: AnnotationRow<boolean> = {
  key: `${LCOW}timesync.disable`,
  type: boolean,
  ...LINUX_VM,
  default: "false",
  effect: "the guest does not follow the host's clock",
};
export const writableOverlayDirectories: AnnotationRow<boolean> = {
  key: `${LCOW}writable-overlay-directories`,
  type: boolean,
  ...LINUX_VM,
  audience: "internal",
  default: "false",
  effect: "directories of a root file system on a disk can be written to; nothing with an initrd",
};
export const preferredRootfsType: AnnotationRow<"initrd" | "vhd"> = {
  key: `${LCOW}preferredrootfstype`,
  type: wordOf({ initrd: "initrd", vhd: "vhd" }),
  ...LINUX_VM,
  default: "vhd where the boot files have rootfs.vhd, else initrd",
  effect: "what the VM boots from: initrd.img or rootfs.vhd",
};
export const kernelDirectBoot: AnnotationRow<boolean> = {
  key: `${LCOW}kerneldirectboot`,
  type: boolean,
  ...LINUX_VM,
  default: "true from Windows build 18286, false on arm64",
  effect: "the kernel is started directly; off boots through UEFI",
  check: "needs Windows build 18286",
};
export const extraExecArguments: AnnotationRow<string> = {
  key: `${LCOW}extra-exec-command-args`,
  type: string,
  ...LINUX_VM,
  audience: "internal",
  default: "none",
  effect: "appended to the command of the guest agent",
};
export const dmverityRootfs: AnnotationRow<string> = {
  key: `${LCOW}dmverity-rootfs-vhd`,
  type: string,
  ...LINUX_VM,
  default: "none, rootfs.vhd with a security policy",
  effect: "root file system with a hash tree, in the directory of the boot files",
};
export const dmverityMode: AnnotationRow<boolean> = {
  key: `${LCOW}dmverity-mode`,
  type: boolean,
  ...LINUX_VM,
  default: "false, true with a security policy",
  effect: "the root file system is verified while it is read",
  check: "without a security policy needs dmverity-create-args",
};
export const dmverityCreateArguments: AnnotationRow<string> = {
  key: `${LCOW}dmverity-create-args`,
  type: string,
  ...LINUX_VM,
  default: "none",
  effect: "dm-mod.create of the kernel command line",
};
export const policyBasedRouting: AnnotationRow<boolean> = {
  key: `${LCOW}network.policybasedrouting`,
  type: boolean,
  ...LINUX_VM,
  audience: "internal",
  default: "false",
  effect: "the guest routes by the address of each adapter",
};
