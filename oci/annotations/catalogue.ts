/**
 * The annotations this shim reads, as data. One row says everything about a key; the reader, validation,
 * documentation and tests derive from these rows.
 */
export * from "./confidential.ts";
export * from "./host-process.ts";
export * from "./linux-container.ts";
export * from "./linux-vm.ts";
export * from "./pod.ts";
export type { AnnotationRow, AnnotationScope } from "./row.ts";
export * from "./vm-devices.ts";
export * from "./vm-memory.ts";
export * from "./vm-processor.ts";
export * from "./windows-container.ts";
export * from "./windows-vm.ts";
