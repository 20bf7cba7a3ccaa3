/** What documents depend on of the host they are for. */
import type { TimeZoneInformation } from "../schema/time-zone.ts";

/** Facts about the host that documents depend on. Asked once per process. */
export interface HostInfo {
  /** Windows build number, e.g. 20348. The emulator answers the build whose behaviour it has. */
  readonly build: number;
  /** Of its last update (`UBR`), where it is known: some features came to a build late. */
  readonly revision?: number;
  readonly logicalProcessors: number;
  /** Where the kernel and root file system of Linux utility VMs are, unless an annotation says otherwise. */
  readonly linuxBootFiles: LinuxBootFiles;
  /** The host's time zone, where documents carry it. */
  readonly timeZone?: TimeZoneInformation;
  /** What a Linux sandbox runs that brings no image; absent where such sandboxes cannot be. */
  readonly pauseProgram?: PauseProgram;
}

/** A program that does nothing for ever, for a sandbox to have a process. */
export interface PauseProgram {
  readonly args: readonly string[];
  /** Directories of the host that it needs, to be mounted read-only under the same paths. */
  readonly directories: readonly string[];
}

export interface LinuxBootFiles {
  readonly directory: string;
  /** Names of the boot files present in `directory` (`kernel`, `vmlinux`, `initrd.img`, `rootfs.vhd`). */
  readonly files: readonly string[];
}
