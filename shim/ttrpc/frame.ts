/**
 * The frame of ttrpc: a header of ten bytes and a body.
 *
 *     offset  size  field
 *     0       4     body length, big-endian, without the header
 *     4       4     stream id, big-endian
 *     8       1     type: 1 request, 2 response, 3 data
 *     9       1     flags, by type; 0 when there are none
 *     10      N     body
 *
 * Source: the protocol description of containerd/ttrpc. Nothing else is on the wire: no preamble, no ping, no window
 * updates, no cancellation.
 */

/** Bytes of a frame before its body. */
export const HEADER_LENGTH = 10;

/** The longest body, in bytes, inclusive. A longer one kills containerd 1.6 and closes the connection of a Go server. */
export const MAX_MESSAGE_LENGTH: number = 4 * 1024 * 1024;

/** What the body of a frame is. */
export const FRAME_TYPE = {
  /** A `ttrpc.Request`: opens a stream. */
  request: 1,
  /** A `ttrpc.Response`: ends a call or a stream. */
  response: 2,
  /** One message of a stream, without an envelope. */
  data: 3,
} as const;

/** Flags of a frame. "Remote" is the sender, seen by the receiver. */
export const FRAME_FLAG = {
  none: 0,
  /** The sender has finished sending on this stream. */
  remoteClosed: 0x01,
  /** Of a request: data frames of the sender follow. */
  remoteOpen: 0x02,
  /** Of data: the frame carries no message, which an empty body alone does not say. */
  noData: 0x04,
} as const;

/** End of a stream without a last message, the only half-close a Go server accepts. */
export const END_OF_STREAM: number = FRAME_FLAG.remoteClosed | FRAME_FLAG.noData;

/** A frame's header. */
export interface FrameHeader {
  /** Bytes of the body. */
  readonly length: number;
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
}

/** Reads an unsigned 32-bit big-endian number. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] ?? 0) << 24) |
      ((bytes[offset + 1] ?? 0) << 16) |
      ((bytes[offset + 2] ?? 0) << 8) |
      (bytes[offset + 3] ?? 0)) >>>
    0
  );
}

/** Reads the header at `offset`, where at least {@link HEADER_LENGTH} bytes must be. */
export function readHeader(bytes: Uint8Array, offset = 0): FrameHeader {
  if (bytes.length - offset < HEADER_LENGTH) {
    throw new RangeError(`cannot read frame header: ${bytes.length - offset} of ${HEADER_LENGTH} bytes`);
  }
  return {
    length: readUint32(bytes, offset),
    streamId: readUint32(bytes, offset + 4),
    type: bytes[offset + 8] ?? 0,
    flags: bytes[offset + 9] ?? 0,
  };
}

/** Writes a header at `offset` of `target`. */
export function writeHeader(
  target: Uint8Array,
  offset: number,
  length: number,
  streamId: number,
  type: number,
  flags: number,
): void {
  target[offset] = length >>> 24;
  target[offset + 1] = length >>> 16;
  target[offset + 2] = length >>> 8;
  target[offset + 3] = length;
  target[offset + 4] = streamId >>> 24;
  target[offset + 5] = streamId >>> 16;
  target[offset + 6] = streamId >>> 8;
  target[offset + 7] = streamId;
  target[offset + 8] = type;
  target[offset + 9] = flags;
}

/** One whole frame in a buffer of its own. */
export function encodeFrame(streamId: number, type: number, flags: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_LENGTH + body.length);
  writeHeader(frame, 0, body.length, streamId, type, flags);
  frame.set(body, HEADER_LENGTH);
  return frame;
}

/** What receivers say about a body of `length` bytes, word for word what the Go implementation says. */
export function oversizeText(length: number, limit: number): string {
  return `message length ${length} exceed maximum message size of ${limit}`;
}
