/** GUIDs as native structures hold them: three little-endian words, then eight bytes as they are written. */

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text is a GUID, in any case, without braces. */
export function isGuidText(text: string): boolean {
  return GUID.test(text);
}

/**
 * A GUID in memory order.
 *
 * @param text in any case, with or without braces
 * @throws {TypeError} when it is none
 */
export function guidToBytes(text: string): Buffer {
  const bare = text.replace(/^\{(.*)\}$/, "$1");
  if (!GUID.test(bare))
    throw new TypeError(
      `cannot read "${text}" as a GUID: it must look like 01234567-89ab-cdef-0123-456789abcdef`,
    );
  return swapWords(Buffer.from(bare.replaceAll("-", ""), "hex"));
}

/** Turns the first three words round, in place. */
function swapWords(bytes: Buffer): Buffer {
  bytes.subarray(0, 4).swap32();
  bytes.subarray(4, 6).swap16();
  bytes.subarray(6, 8).swap16();
  return bytes;
}
