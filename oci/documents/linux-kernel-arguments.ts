/** The kernel command line of a Linux utility VM: its parts in the order that kernel and init expect. */
import { LINUX_GUEST_PORT } from "../../hcs/schema/hv-socket.ts";
import type { LinuxBoot } from "./linux-boot.ts";
import { requireVerityArguments, type LinuxVmOptions } from "./linux-vm-options.ts";

/**
 * One blank between parts. Where the kernel is started directly with an initrd nothing names the root device, and the
 * text begins with a blank.
 *
 * @throws {SpecError} when the root file system is to be verified and nothing says how
 */
export function kernelCommandLine(options: LinuxVmOptions, boot: LinuxBoot): string {
  return [
    rootDevice(options, boot),
    "initcall_blacklist=virtio_vsock_init",
    ...serialConsole(options),
    ...atPanic(options),
    ...unlessEmptyText(options.kernelBootOptions),
    ...(options.vpci ? [] : ["pci=off"]),
    `nr_cpus=${options.processorCount}`,
    "brd.rd_nr=0 pmtmr=0 --",
    initArguments(options, boot),
  ].join(" ");
}

function rootDevice(options: LinuxVmOptions, { rootfsType, rootfs, kernelDirect }: LinuxBoot): string {
  if (rootfsType === "initrd") return kernelDirect ? "" : `initrd=/${rootfs}`;
  if (options.vpmemCount > 0) return "root=/dev/pmem0 ro rootwait init=/init";
  if (!options.verityMode) return "root=/dev/sda ro rootwait init=/init";
  return `root=/dev/dm-0 dm-mod.create=${JSON.stringify(requireVerityArguments(options))} init=/init`;
}

function serialConsole({ consolePipe, isArm64 }: LinuxVmOptions): string[] {
  if (consolePipe === "") return isArm64 ? [] : ["8250_core.nr_uarts=0"];
  return isArm64
    ? ["console=ttyAMA0,115200"]
    : ["8250_core.nr_uarts=1 8250_core.skip_txen_test=1 console=ttyS0,115200"];
}

/** A VM that nobody looks at is to end when its kernel does, and one that is listened to is not to be quiet. */
function atPanic({ consolePipe, consoleIsLog }: LinuxVmOptions): string[] {
  if (consolePipe === "") return ["panic=-1 quiet"];
  return consoleIsLog ? ["panic=-1"] : [];
}

function initArguments(options: LinuxVmOptions, { rootfsType }: LinuxBoot): string {
  const agent = agentCommand(options);
  return [
    `-e ${LINUX_GUEST_PORT.entropy}`,
    ...(options.writableOverlayDirectories && rootfsType === "vhd" ? ["-w"] : []),
    options.consolePipe === "" || options.consoleIsLog ? agent : `sh -c "${agent} & exec sh"`,
  ].join(" ");
}

/** The guest agent's own command, without what single options add to it. */
export function guestAgent({ guestLogging, extraExecArguments }: LinuxVmOptions): string {
  return [
    `/bin/gcs -v4 -log-format json -loglevel ${guestLogging.level}`,
    ...unlessEmptyText(extraExecArguments),
  ].join(" ");
}

/** The guest agent, its standard error sent to the host's log port. */
function agentCommand(options: LinuxVmOptions): string {
  const { guestLogging, timeSync, processDumpLocation } = options;
  return [
    `/bin/vsockexec -e ${LINUX_GUEST_PORT.log} ${guestAgent(options)}`,
    ...(timeSync ? [] : ["-disable-time-sync"]),
    ...(guestLogging.scrub ? [] : ["-scrub-logs=false"]),
    ...(processDumpLocation === "" ? [] : [`-core-dump-location ${processDumpLocation}`]),
  ].join(" ");
}

function unlessEmptyText(text: string): string[] {
  return text === "" ? [] : [text];
}
