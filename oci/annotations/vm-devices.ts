/** Storage, shares, sockets, consoles and dumps of a utility VM, whatever its guest. */
import { VM, VM_PREFIX, WINDOWS_VM, type AnnotationRow } from "./row.ts";
import { boolean, int32, json, string, stringList } from "./values.ts";

export const vmStorageBandwidth: AnnotationRow<number> = {
  key: `${VM_PREFIX}storageqos.bandwidthmaximum`,
  type: int32,
  unit: "bytes per second",
  ...VM,
  default: "windows.resources.storage.bps, else none",
  effect: "storage bandwidth of the VM",
  check: "not negative",
  valid: (limit) => limit >= 0,
};
export const vmStorageIops: AnnotationRow<number> = {
  key: `${VM_PREFIX}storageqos.iopsmaximum`,
  type: int32,
  unit: "per second",
  ...VM,
  default: "windows.resources.storage.iops, else none",
  effect: "storage operations of the VM",
  check: "not negative",
  valid: (limit) => limit >= 0,
};
export const vmNoWritableShares: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}fileshares.disablewritable`,
  type: boolean,
  ...VM,
  default: "false",
  effect: "directories of the host are shared with the VM read-only or not at all",
};
export const vmBootFiles: AnnotationRow<string> = {
  key: `${VM_PREFIX}bootfilesrootpath`,
  type: string,
  ...VM,
  default:
    "Linux: LinuxBootFiles beside the shim, else %ProgramFiles%\\Linux Containers; confidential Windows: WindowsBootFiles\\confidential beside the shim",
  effect: "directory with what the VM boots from",
};
export const vmDumpDirectory: AnnotationRow<string> = {
  key: `${VM_PREFIX}dump-directory-path`,
  type: string,
  ...WINDOWS_VM,
  default: "none",
  effect: "where a VM that crashes leaves its saved state and crash dump",
  check: "an existing directory",
};
export const vmConsolePipe: AnnotationRow<string> = {
  key: `${VM_PREFIX}console.pipe`,
  type: string,
  ...VM,
  audience: "internal",
  default: "none",
  effect: "named pipe that the first serial port is connected to; a Linux guest starts a shell there",
};
export const hvSocketServiceTable: AnnotationRow<string> = {
  key: `${VM_PREFIX}hv-socket.service-table.`,
  type: json,
  ...VM,
  prefix: true,
  audience: "internal",
  default: "none",
  effect:
    "entry of the VM's Hyper-V socket table for the service whose GUID ends the key: BindSecurityDescriptor, ConnectSecurityDescriptor, AllowWildcardBinds, Disabled",
};
export const kernelDrivers: AnnotationRow<readonly string[]> = {
  key: `${VM_PREFIX}kerneldrivers`,
  type: stringList,
  scope: "both",
  isolation: "hypervisor",
  default: "none",
  effect: "directories of the host with drivers to be installed in the VM",
  check: "each must exist",
};
