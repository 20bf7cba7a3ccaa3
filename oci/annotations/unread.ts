/** Keys that are known elsewhere and that no part of this shim reads. */
import { VM_PREFIX } from "./row.ts";

/** Key → why it does nothing here. */
export const UNREAD_ANNOTATIONS: ReadonlyMap<string, string> = new Map([
  ["io.microsoft.cri.tenant-sandbox-id", "no runtime reads it any more"],
  ["io.microsoft.lcow.gpuvhdpath", "no runtime reads it any more"],
  [`${VM_PREFIX}lcow.amd-certificate`, `the guest reads ${VM_PREFIX}wcow.amd-certificate for Linux too`],
  ["io.microsoft.migration.support-enabled", "this shim does not move VMs between hosts"],
  ["io.microsoft.migration.source-container-id", "this shim does not move VMs between hosts"],
]);
