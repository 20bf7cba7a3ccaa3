/** What generated modules are built from: they supply the fields, this supplies everything else. */
import type { MessageType } from "./types.ts";
import { WireError } from "./wire-error.ts";
import { Reader } from "./wire-reader.ts";
import { Writer } from "./wire-writer.ts";

/** One long message does not make all that follow waste memory, in bytes. */
const MAX_FIRST_SIZE = 2048;

/**
 * Makes a message type.
 *
 * @param defaults a new message with every field at its default
 * @param write appends the fields of a message to a writer
 * @param read sets fields of a message until the reader's {@link Reader.tag} is 0
 */
export function messageType<T extends object>(
  typeName: string,
  defaults: () => T,
  write: (writer: Writer, message: Partial<T>) => void,
  read: (reader: Reader, message: T) => void,
): MessageType<T> {
  // Messages of a type are about as long as those before; to grow costs more than anything else here.
  let size: number | undefined;
  const append = (writer: Writer, message: Partial<T>): void => {
    try {
      write(writer, message);
    } catch (error) {
      throw named("encode", typeName, error);
    }
  };
  return {
    typeName,
    create: (init) => (init === undefined ? defaults() : Object.assign(defaults(), init)),
    encode: (message) => {
      const writer = new Writer(size);
      append(writer, message);
      if (writer.capacity <= MAX_FIRST_SIZE) size = writer.capacity;
      return writer.finish();
    },
    append,
    decode: (bytes, start, end) => {
      const message = defaults();
      try {
        read(new Reader(bytes, start, end), message);
      } catch (error) {
        throw named("decode", typeName, error);
      }
      return message;
    },
    write,
    read: (reader, into = defaults()) => {
      read(reader, into);
      return into;
    },
  };
}

/** What a `bytes` field that is not set holds. One for all: an empty array cannot change. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** The same error, telling which message it was about. */
function named(action: string, typeName: string, error: unknown): unknown {
  if (!(error instanceof WireError)) return error;
  const where = error.offset === undefined ? {} : { offset: error.offset };
  const at = error.offset === undefined ? "" : ` (at byte ${error.offset})`;
  return new WireError(`cannot ${action} ${typeName}: ${error.reason}${at}`, {
    reason: error.reason,
    ...where,
    cause: error,
  });
}

/** Tag of a map entry's key: field 1, a string. */
const KEY_TAG = 10;

/** Writes a map with string keys, sorted by UTF-16 code unit, as entries of field `tag`. */
export function writeMap<T>(
  writer: Writer,
  tag: number,
  record: Readonly<Record<string, T>>,
  value: (writer: Writer, value: T) => void,
): void {
  for (const key of Object.keys(record).sort()) {
    const start = writer.tag(tag).open();
    writer.tag(KEY_TAG).string(key);
    value(writer, record[key] as T);
    writer.close(start);
  }
}

/** Reads one entry of a map with string keys; the key of an entry without one is "", its value `fallback()`. */
export function readMapEntry<T>(
  reader: Reader,
  record: Record<string, T>,
  valueTag: number,
  value: (reader: Reader) => T,
  fallback: () => T,
): void {
  const outer = reader.open();
  let key = "";
  let entry: T | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === KEY_TAG) key = reader.string();
    else if (tag === valueTag) entry = value(reader);
    else reader.skip(tag);
  }
  reader.close(outer);
  const result = entry ?? fallback();
  // A plain assignment to "__proto__" would replace the record's prototype instead of adding a key.
  if (key === "__proto__") {
    Object.defineProperty(record, key, {
      value: result,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else record[key] = result;
}
