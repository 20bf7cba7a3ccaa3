/**
 * Releasing what a journal says was held, without the process that held it. Light: `delete` runs it within
 * containerd's 5 seconds. Every step is idempotent and may run in several processes at a time.
 */
import { messageOf } from "../errors.ts";
import type { Holding, ResourceData, ResourceKind } from "./journal.ts";

/** How this platform releases each kind of thing from outside. Kinds that it never has are left out. */
export type Reclaimers = {
  readonly [K in ResourceKind]?: (data: ResourceData[K]) => Promise<void>;
};

export interface ReclaimOutcome {
  readonly released: readonly Holding[];
  readonly failed: readonly { readonly holding: Holding; readonly message: string }[];
}

/** Newest first, going on after failures. */
export async function reclaim(held: readonly Holding[], reclaimers: Reclaimers): Promise<ReclaimOutcome> {
  const released: Holding[] = [];
  const failed: { holding: Holding; message: string }[] = [];
  for (const holding of [...held].reverse()) {
    try {
      await release(holding, reclaimers);
      released.push(holding);
    } catch (error) {
      failed.push({ holding, message: messageOf(error) });
    }
  }
  return { released, failed };
}

function release<K extends ResourceKind>(
  holding: { readonly kind: K; readonly data: ResourceData[K] },
  reclaimers: Reclaimers,
): Promise<void> {
  const reclaimer = reclaimers[holding.kind];
  if (reclaimer !== undefined) return reclaimer(holding.data);
  throw new Error(`cannot release a ${holding.kind}: this platform has no such thing`);
}
