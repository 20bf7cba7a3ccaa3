/** Every native function that the rig's host answers, by DLL. A DLL's functions may come from several tables. */
import type { Handlers } from "./call.ts";
import { COMPUTECORE_HANDLERS } from "./computecore.ts";
import { VMCOMPUTE_HANDLERS } from "./vmcompute.ts";

export const HANDLERS: Readonly<Record<string, Handlers>> = {
  "computecore.dll": COMPUTECORE_HANDLERS,
  "vmcompute.dll": VMCOMPUTE_HANDLERS,
};
