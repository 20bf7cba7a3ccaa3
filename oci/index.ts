/** `containerd-shim-runhcs/oci`: from OCI spec and annotations to decisions and HCS documents. */
export * as annotations from "./annotations/catalogue.ts";
export type { AnnotationRow, AnnotationScope } from "./annotations/catalogue.ts";
export { AnnotationReader } from "./annotations/read.ts";
export * as linuxContainer from "./documents/linux-container.ts";
export * as linuxVm from "./documents/linux-vm.ts";
export * as windowsVmOptions from "./documents/windows-vm-options.ts";
export { SpecError, type SpecErrorInit, type SpecWarning } from "./errors.ts";
export { CONTAINER_TYPE, identityOf, SANDBOX_ID, type Identity } from "./identity.ts";
export { parseSpec, readAnnotations, readProcess, readSpec } from "./spec.ts";
export type { Linux, Mount, Process, Spec, Windows, WindowsResources } from "./spec.ts";
