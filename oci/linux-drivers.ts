/** Kernel drivers that a Linux VM is to load: disks of the host, and what the guest is told to do with each. */
import { kernelDrivers } from "./annotations/catalogue.ts";
import type { AnnotationReader } from "./annotations/read.ts";
import { nameGuid } from "./windows/layer-id.ts";

const DRIVER_NAMESPACE = "914aadc8-f700-4365-8016-ddad0a9d406d";
const INSTALLER = "/bin/install-drivers";

/** Disks of the host with drivers, in the order in which they are to be loaded. */
export function driverDisks(reader: AnnotationReader): readonly string[] {
  return reader.read(kernelDrivers) ?? [];
}

/** The command that loads the drivers of a disk which the guest has mounted: they need a directory that can be written to. */
export function installCommand(hostPath: string, guestPath: string): string[] {
  const id = nameGuid(DRIVER_NAMESPACE, Buffer.from(hostPath, "utf8"));
  return [INSTALLER, `/run/drivers/${id}`, guestPath];
}
