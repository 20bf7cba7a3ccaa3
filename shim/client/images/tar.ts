/** Entries of a tar archive, one after the other. */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { messageOf } from "../../errors.ts";
import { ClientError } from "../errors.ts";

/**
 * The body of each entry has to be read to its end, or cancelled, before the next one comes.
 *
 * @param name of the archive, for errors
 */
export async function* tarEntries(source: Readable, name: string): AsyncGenerator<ParsedTarEntry> {
  const decoder = createTarDecoder({ strict: true });
  try {
    yield* (Readable.toWeb(source) as ReadableStream<Uint8Array>).pipeThrough(decoder);
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    throw new ClientError("InvalidArgument", `cannot read tar archive ${name}: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    source.destroy();
  }
}
