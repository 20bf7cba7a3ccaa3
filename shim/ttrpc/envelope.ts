/**
 * The messages around the messages: `ttrpc.Request` and `ttrpc.Response`, written straight into a connection's output
 * so that a payload is neither encoded twice nor, when it is large, copied.
 */
import type { Status } from "../../protos/gen/google.ts";
import { Request, Response } from "../../protos/gen/ttrpc.ts";
import { FRAME_FLAG, FRAME_TYPE, HEADER_LENGTH, writeHeader } from "./frame.ts";
import type { Metadata } from "./metadata.ts";
import type { Output } from "./output.ts";
import { Code } from "./status.ts";

/** Field 3 of a request and field 2 of a response, both `bytes payload`. */
const REQUEST_PAYLOAD_TAG = (3 << 3) | 2;
const RESPONSE_PAYLOAD_TAG = (2 << 3) | 2;

/** Error texts longer than this, in UTF-16 units, are cut when the status would not fit into a frame. */
const LONGEST_TEXT = 16 * 1024;

const NO_BYTES = new Uint8Array(0);

/** Bytes of a `bytes` field of `length` bytes, with its tag and its length; nothing for an empty one. */
function payloadFieldLength(length: number): number {
  return length === 0 ? 0 : payloadHeadLength(length) + length;
}

function payloadHeadLength(length: number): number {
  let size = 2;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) size++;
  return size;
}

function writePayloadHead(target: Uint8Array, offset: number, tag: number, length: number): void {
  let at = offset;
  target[at++] = tag;
  let rest = length;
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at] = rest;
}

/** The part of a request that is the same for every call of a method: its fields 1 and 2. */
export function encodeRequestHead(service: string, method: string): Uint8Array {
  return Request.encode({ service, method });
}

/** The part of a request that comes after its payload: its fields 4 and 5. */
export function encodeRequestTail(timeoutNano: bigint, metadata: Metadata | undefined): Uint8Array {
  if (timeoutNano === 0n && metadata === undefined) return NO_BYTES;
  return Request.encode({ timeoutNano, metadata: metadata?.toKeyValues() ?? [] });
}

/** Length of the body that {@link writeRequest} makes of these parts. */
export function requestLength(head: Uint8Array, payload: Uint8Array, tail: Uint8Array): number {
  return head.length + payloadFieldLength(payload.length) + tail.length;
}

/** Writes a request frame. The caller has compared {@link requestLength} with the limit. */
export function writeRequest(
  output: Output,
  streamId: number,
  flags: number,
  head: Uint8Array,
  payload: Uint8Array,
  tail: Uint8Array,
): void {
  const at = output.reserve(HEADER_LENGTH);
  writeHeader(output.target, at, requestLength(head, payload, tail), streamId, FRAME_TYPE.request, flags);
  output.append(head);
  if (payload.length > 0) {
    const field = output.reserve(payloadHeadLength(payload.length));
    writePayloadHead(output.target, field, REQUEST_PAYLOAD_TAG, payload.length);
    output.append(payload);
  }
  output.append(tail);
}

/** Length of the body that {@link writeResponse} makes of a payload. */
export function responseLength(payload: Uint8Array): number {
  return payloadFieldLength(payload.length);
}

/** Writes the response frame of a call that succeeded. The caller has compared {@link responseLength} with the limit. */
export function writeResponse(output: Output, streamId: number, payload: Uint8Array): void {
  const size = payload.length;
  const headLength = size === 0 ? 0 : payloadHeadLength(size);
  const at = output.reserve(HEADER_LENGTH + headLength);
  writeHeader(output.target, at, headLength + size, streamId, FRAME_TYPE.response, FRAME_FLAG.none);
  if (size === 0) return;
  writePayloadHead(output.target, at + HEADER_LENGTH, RESPONSE_PAYLOAD_TAG, size);
  output.append(payload);
}

/**
 * Writes the response frame of a call that failed. It has no payload: Go clients decode that before they look at the
 * status. A status that does not fit loses its details and the end of its text.
 */
export function writeStatus(output: Output, streamId: number, status: Status, limit: number): void {
  let body = encodeStatus(status);
  if (body.length > limit) {
    const message = `${status.message.slice(0, Math.min(LONGEST_TEXT, limit >>> 3))}…`;
    body = Response.encode({ status: { code: status.code, message, details: [] } });
  }
  writeFrame(output, streamId, FRAME_TYPE.response, FRAME_FLAG.none, body);
}

function encodeStatus(status: Status): Uint8Array {
  try {
    return Response.encode({ status });
  } catch (error) {
    // Whatever a handler put into its error, its caller must hear of a failure.
    const reason = error instanceof Error ? error.message : String(error);
    return Response.encode({
      status: { code: Code.Internal, message: `cannot encode status: ${reason}`, details: [] },
    });
  }
}

/** Writes a data frame: one message of a stream, or its end. */
export function writeData(output: Output, streamId: number, flags: number, body: Uint8Array): void {
  writeFrame(output, streamId, FRAME_TYPE.data, flags, body);
}

/** Writes the frame that ends a stream, without a message. */
export function writeEndOfStream(output: Output, streamId: number): void {
  writeData(output, streamId, FRAME_FLAG.remoteClosed | FRAME_FLAG.noData, NO_BYTES);
}

function writeFrame(output: Output, streamId: number, type: number, flags: number, body: Uint8Array): void {
  const at = output.reserve(HEADER_LENGTH);
  writeHeader(output.target, at, body.length, streamId, type, flags);
  output.append(body);
}
