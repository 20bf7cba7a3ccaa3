/** Confidential mode: utility VMs that do not trust their host. */
import { LINUX_VM, VM, VM_PREFIX, WINDOWS_VM, type AnnotationRow } from "./row.ts";
import { boolean, string, wordOf } from "./values.ts";

const LCOW = `${VM_PREFIX}lcow.`;
const WCOW = `${VM_PREFIX}wcow.`;

/** How a confidential Windows VM is isolated from its host (`SecuritySettings.Isolation.IsolationType`). */
export type VmIsolationType = "SecureNestedPaging" | "VirtualizationBasedSecurity" | "GuestStateOnly";

export const noSecurityHardware: AnnotationRow<boolean> = {
  key: `${VM_PREFIX}no_security_hardware`,
  type: boolean,
  ...VM,
  default: "false",
  effect: "a security policy without the hardware that enforces it, for development",
};
export const hashEnvelopeReference: AnnotationRow<string> = {
  key: `${VM_PREFIX}uvm-hash-envelope-reference-info-file`,
  type: string,
  ...VM,
  default: "reference_info_hash_envelope.cose beside the boot files",
  effect: "reference measurements, sent to the guest with the policy; a missing file is left out",
};
export const linuxSecurityPolicy: AnnotationRow<string> = {
  key: `${LCOW}securitypolicy`,
  type: string,
  ...LINUX_VM,
  default: "none",
  effect: "base64 of the policy the guest enforces; makes the VM confidential",
};
export const linuxPolicyEnforcer: AnnotationRow<string> = {
  key: `${LCOW}enforcer`,
  type: string,
  ...LINUX_VM,
  default: "chosen by the guest",
  effect: "which enforcer of the guest reads the policy",
};
export const linuxReferenceInfo: AnnotationRow<string> = {
  key: `${LCOW}uvm-reference-info-file`,
  type: string,
  ...LINUX_VM,
  default: "reference_info.cose",
  effect: "reference measurements beside the boot files, sent to the guest; a missing file is left out",
};
export const linuxGuestState: AnnotationRow<string> = {
  key: `${LCOW}gueststatefile`,
  type: string,
  ...LINUX_VM,
  default: "none, kernel.vmgs with a security policy",
  effect: "guest state file that the VM boots from instead of a kernel file",
};
export const hclEnabled: AnnotationRow<boolean> = {
  key: `${LCOW}hcl-enabled`,
  type: boolean,
  ...LINUX_VM,
  default: "left to HCS",
  effect: "SecuritySettings.Isolation.HclEnabled",
};
export const windowsSecurityPolicy: AnnotationRow<string> = {
  key: `${WCOW}securitypolicy`,
  type: string,
  ...WINDOWS_VM,
  default: "none",
  effect: "base64 of the policy the guest enforces; makes the VM confidential",
};
export const windowsPolicyEnforcer: AnnotationRow<string> = {
  key: `${WCOW}enforcer`,
  type: string,
  ...WINDOWS_VM,
  default: "chosen by the guest",
  effect: "which enforcer of the guest reads the policy",
};
export const noSecureBoot: AnnotationRow<boolean> = {
  key: `${WCOW}no_secure_boot`,
  type: boolean,
  ...WINDOWS_VM,
  default: "false",
  effect: "a confidential VM boots without the secure boot template",
};
export const vmIsolationType: AnnotationRow<VmIsolationType> = {
  key: `${WCOW}isolation_type`,
  type: wordOf<VmIsolationType>({
    SecureNestedPaging: "SecureNestedPaging",
    SNP: "SecureNestedPaging",
    VirtualizationBasedSecurity: "VirtualizationBasedSecurity",
    VBS: "VirtualizationBasedSecurity",
    GuestStateOnly: "GuestStateOnly",
  }),
  ...WINDOWS_VM,
  strict: true,
  default: "SecureNestedPaging, GuestStateOnly without security hardware",
  effect: "what isolates a confidential VM from its host; forces overcommit off",
};
export const windowsGuestState: AnnotationRow<string> = {
  key: `${WCOW}gueststatefile`,
  type: string,
  ...WINDOWS_VM,
  default: "cwcow.snp.vmgs, cwcow.vbs.vmgs or cwcow.gso.vmgs in the directory of the boot files",
  effect: "guest state file of a confidential VM",
};
export const windowsReferenceInfo: AnnotationRow<string> = {
  key: `${WCOW}uvm-reference-info-file`,
  type: string,
  ...WINDOWS_VM,
  default: "reference_info.cose in the directory of the boot files",
  effect: "reference measurements, sent to the guest; a missing file is left out",
};
const POLICY_ENVIRONMENT =
  "the guest shows policy, certificates and reference files to the container in a directory";
export const linuxPolicyEnvironment: AnnotationRow<boolean> = {
  key: `${LCOW}securitypolicy.env`,
  type: boolean,
  scope: "container",
  os: "linux",
  isolation: "hypervisor",
  audience: "guest",
  default: "true",
  effect: POLICY_ENVIRONMENT,
};
export const windowsPolicyEnvironment: AnnotationRow<boolean> = {
  key: `${WCOW}securitypolicy.env`,
  type: boolean,
  scope: "container",
  os: "windows",
  isolation: "hypervisor",
  audience: "guest",
  default: "true",
  effect: POLICY_ENVIRONMENT,
};
export const hostCertificate: AnnotationRow<string> = {
  key: `${WCOW}amd-certificate`,
  type: string,
  scope: "container",
  isolation: "hypervisor",
  audience: "guest",
  default: "none",
  effect: "certificate chain of the host's processor, read in the guest",
};
