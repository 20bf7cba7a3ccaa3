/**
 * What a Linux utility VM boots from: kernel and root file system in a directory of the host. Pure: the names of the
 * files that are there go in.
 */
import { SpecError } from "../errors.ts";
import type { LinuxVmOptions } from "./linux-vm-options.ts";
import { joinPath } from "./paths.ts";

/** A directory of boot files, and which of the files that may be asked for are in it. */
export interface LinuxBootFiles {
  readonly directory: string;
  readonly files: readonly string[];
}

export type LinuxRootfs = "initrd" | "vhd";

export interface LinuxBoot {
  readonly directory: string;
  /** Names of files in the directory. */
  readonly kernel: string;
  readonly rootfs: string;
  readonly rootfsType: LinuxRootfs;
  /** The host starts the kernel; otherwise UEFI does. */
  readonly kernelDirect: boolean;
}

/** What a confidential VM starts from: copies of files in the directory, made for each VM. */
export interface ConfidentialBoot {
  readonly directory: string;
  readonly guestState: string;
  /** Disk with a root file system and its hash tree. */
  readonly verityDisk?: string;
}

const KERNEL = "kernel";
const UNCOMPRESSED_KERNEL = "vmlinux";
const ROOTFS: Readonly<Record<LinuxRootfs, string>> = { initrd: "initrd.img", vhd: "rootfs.vhd" };

/** Every name that {@link chooseBoot} may ask for. */
export function bootFileNames(options: LinuxVmOptions): string[] {
  return [
    KERNEL,
    UNCOMPRESSED_KERNEL,
    ...Object.values(ROOTFS),
    ...[options.guestStateFile, options.verityRootfs].filter((name) => name !== ""),
  ];
}

/** What a VM boots from: a kernel, or a guest state with a kernel in it. */
export type BootChoice =
  | { readonly kind: "kernel"; readonly boot: LinuxBoot }
  | { readonly kind: "guest-state"; readonly boot: ConfidentialBoot };

/** @throws {SpecError} when a file that the choice needs is not there */
export function chooseBoot(options: LinuxVmOptions, available: LinuxBootFiles): BootChoice {
  return options.guestStateFile === ""
    ? { kind: "kernel", boot: kernelBoot(options, available) }
    : { kind: "guest-state", boot: confidentialBoot(options, available) };
}

function kernelBoot(options: LinuxVmOptions, available: LinuxBootFiles): LinuxBoot {
  const boot = preferredBoot(options, available);
  requireFile(available, boot.kernel, "the kernel");
  requireFile(available, boot.rootfs, "the root file system");
  return boot;
}

/** The kernel and root file system to look for, whether or not they are there. */
export function preferredBoot(
  { kernelDirect, preferredRootfs }: LinuxVmOptions,
  { directory, files }: LinuxBootFiles,
): LinuxBoot {
  const rootfsType = preferredRootfs ?? (files.includes(ROOTFS.vhd) ? "vhd" : "initrd");
  const kernel = kernelDirect && files.includes(UNCOMPRESSED_KERNEL) ? UNCOMPRESSED_KERNEL : KERNEL;
  return { directory, kernel, rootfs: ROOTFS[rootfsType], rootfsType, kernelDirect };
}

function confidentialBoot(options: LinuxVmOptions, available: LinuxBootFiles): ConfidentialBoot {
  const { guestStateFile, verityRootfs, verityMode } = options;
  requireFile(available, guestStateFile, "the guest state");
  if (!verityMode) return { directory: available.directory, guestState: guestStateFile };
  requireFile(available, verityRootfs, "the verified root file system");
  return { directory: available.directory, guestState: guestStateFile, verityDisk: verityRootfs };
}

function requireFile({ directory, files }: LinuxBootFiles, name: string, what: string): void {
  if (files.includes(name)) return;
  throw new SpecError({
    at: "boot files of Linux VMs",
    rule: `${what} must be there; install it, or name another directory with annotation io.microsoft.virtualmachine.bootfilesrootpath`,
    value: joinPath(directory, name),
  });
}
