/** Every native function that the rig's host answers, by DLL. A DLL's functions may come from several tables. */
import type { Handlers } from "./call.ts";
import { COMPUTECORE_HANDLERS } from "./computecore.ts";
import { ACCOUNT_HANDLERS, BINDING_HANDLERS, JOB_HANDLERS } from "./jobs.ts";
import { HCN_HANDLERS, HNS_HANDLERS } from "./network.ts";
import { CIM_HANDLERS, DISK_HANDLERS, LAYER_HANDLERS, OVERLAY_HANDLERS } from "./storage.ts";
import { VMCOMPUTE_HANDLERS } from "./vmcompute.ts";

export const HANDLERS: Readonly<Record<string, Handlers>> = {
  "bindfltapi.dll": BINDING_HANDLERS,
  "cimfs.dll": CIM_HANDLERS,
  "computecore.dll": COMPUTECORE_HANDLERS,
  "computenetwork.dll": HCN_HANDLERS,
  "computestorage.dll": OVERLAY_HANDLERS,
  "netapi32.dll": ACCOUNT_HANDLERS,
  "rigjobs.dll": JOB_HANDLERS,
  "virtdisk.dll": DISK_HANDLERS,
  "vmcompute.dll": { ...VMCOMPUTE_HANDLERS, ...LAYER_HANDLERS, ...HNS_HANDLERS },
};
