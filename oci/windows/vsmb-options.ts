/** Options of VSMB shares: how a directory of the host appears in a Windows VM. */
import type { VirtualSmbShareOptions } from "../../hcs/schema/compute-system.ts";

export interface ShareWishes {
  readonly readOnly: boolean;
  /** Files are never mapped into the guest's memory: the VM's memory is all physical, or an annotation says so. */
  readonly noDirectMap: boolean;
}

/** The defaults; what a share is for adds to them. */
export function shareOptions({ readOnly, noDirectMap }: ShareWishes): VirtualSmbShareOptions {
  return {
    ...(readOnly ? { ShareRead: true, CacheIo: true, ReadOnly: true, PseudoOplocks: true } : {}),
    ...(noDirectMap ? { NoDirectmap: true } : {}),
  };
}
