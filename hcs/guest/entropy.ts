/** Boot entropy: the init process of a Linux guest dials port 1 and reads random bytes for its kernel. */
import { randomBytes } from "node:crypto";
import { finished } from "node:stream/promises";
import type { HvSocketListener } from "../api.ts";
import { acceptOne, type AcceptOptions } from "./accept.ts";

/** A guest reads exactly this many. */
export const ENTROPY_BYTES = 512;

/** Accepts the guest's one connection, writes the bytes, closes both. Rejects when no guest took them. */
export async function serveEntropy(listener: HvSocketListener, options: AcceptOptions): Promise<void> {
  const stream = await acceptOne(listener, options);
  try {
    stream.resume();
    stream.end(randomBytes(ENTROPY_BYTES));
    await finished(stream, {
      readable: false,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } finally {
    stream.destroy();
  }
}
