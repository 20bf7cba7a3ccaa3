/** Utility VMs for Windows containers. */
import { VM_PREFIX, WINDOWS_VM, type AnnotationRow } from "./row.ts";
import { boolean, json, string } from "./values.ts";

export const compartmentNamespaceDisabled: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}disablecompartmentnamespace`,
  type: boolean,
  ...WINDOWS_VM,
  default: "false",
  effect: "the guest network service is not told to keep a compartment for each namespace",
};
export const timeZoneNotInherited: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}wcow.timezone.noinherit`,
  type: boolean,
  ...WINDOWS_VM,
  default: "false",
  effect: "the guest has UTC instead of the host's time zone",
};
export const noDirectMap: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}wcow.virtualSMB.nodirectmap`,
  type: boolean,
  ...WINDOWS_VM,
  default: "false",
  effect: "files on shares are not mapped directly into the VM's memory",
};
export const additionalRegistryKeys: AnnotationRow<string> = {
  key: `${VM_PREFIX}wcow.additional-reg-keys`,
  type: json,
  ...WINDOWS_VM,
  audience: "internal",
  default: "none",
  effect: "registry values of the VM: an array of {Key: {Hive, Name}, Name, Type, <value>}",
  check:
    "only System below CurrentControlSet\\Services, CurrentControlSet\\Policies and Software, and Software",
};
export const writableEfi: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}wcow.writable_efi`,
  type: boolean,
  ...WINDOWS_VM,
  default: "false",
  effect: "the boot disk is attached writable, from a copy next to the scratch",
};
export const windowsDebug: AnnotationRow<boolean> = {
  key: "io.microsoft.wcow.debug",
  type: boolean,
  ...WINDOWS_VM,
  default: "false",
  effect: "scratch and boot disk are kept when the VM ends",
  check: "needs a security policy and debug_data_path",
};
export const windowsDebugPath: AnnotationRow<string> = {
  key: "io.microsoft.wcow.debug_data_path",
  type: string,
  ...WINDOWS_VM,
  default: "none",
  effect: "where the disks are kept",
};
export const logSources: AnnotationRow<string> = {
  key: `${VM_PREFIX}forwardlogs.sources`,
  type: string,
  ...WINDOWS_VM,
  default: "none",
  effect: "event sources of the guest to forward: base64 of {LogConfig: {sources: […]}}",
};
export const logForwarding: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}forwardlogs.enable`,
  type: boolean,
  ...WINDOWS_VM,
  default: "true, false in confidential mode",
  effect: "the guest forwards its event log",
};
export const defaultLogSources: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}forwardlogs.defaultsources.enable`,
  type: boolean,
  ...WINDOWS_VM,
  default: "true",
  effect: "a built-in list of event sources is forwarded too",
};
