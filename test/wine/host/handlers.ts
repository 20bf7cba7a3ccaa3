/** Every native function that the rig's host answers. Tables of one DLL each; a DLL's functions may come from several. */
import type { Handlers } from "./call.ts";
import { COMPUTECORE_HANDLERS } from "./computecore.ts";

export const HANDLERS: Handlers = {
  ...COMPUTECORE_HANDLERS,
};
