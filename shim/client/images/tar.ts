/** Entries of a tar archive, one after the other. */
import { Readable } from "node:stream";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { messageOf } from "../../errors.ts";
import { ClientError } from "../errors.ts";

/**
 * The body of each entry has to be read to its end, or cancelled, before the next one comes.
 *
 * @param name of the archive, for errors
 */
export async function* tarEntries(source: Readable, name: string): AsyncGenerator<ParsedTarEntry> {
  try {
    yield* entriesOf(source);
  } catch (cause) {
    throw archiveError(name, cause);
  } finally {
    source.destroy();
  }
}

/** The package speaks of the web's streams, which Node has under the same names with types of their own. */
function entriesOf(source: Readable): AsyncIterable<ParsedTarEntry> {
  const { readable, writable } = createTarDecoder({ strict: true });
  const bytes = Readable.toWeb(source) as unknown as { pipeTo(target: unknown): Promise<void> };
  // What fails on the way in comes out of the other end as well.
  bytes.pipeTo(writable).catch(() => undefined);
  return readable;
}

/** What goes wrong in the middle of an entry comes out of its body. System errors are about the other end, and stay. */
export function archiveError(name: string, cause: unknown): unknown {
  if (cause instanceof ClientError || typeof (cause as NodeJS.ErrnoException).syscall === "string")
    return cause;
  const message = `cannot read tar archive ${name}: ${messageOf(cause)}`;
  return new ClientError("InvalidArgument", message, { cause, archive: name });
}
