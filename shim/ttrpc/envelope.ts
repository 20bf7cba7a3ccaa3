/**
 * The messages around the messages: `ttrpc.Request` and `ttrpc.Response`, written straight into a connection's output
 * so that a payload is neither encoded twice nor, when it is large, copied.
 */
import type { Status } from "../../protos/gen/google.ts";
import { KeyValue, Request, Response } from "../../protos/gen/ttrpc.ts";
import type { MessageType } from "../../protos/types.ts";
import { Reader, Writer } from "../../protos/wire.ts";
import { FRAME_FLAG, FRAME_TYPE, HEADER_LENGTH, writeHeader } from "./frame.ts";
import type { Metadata } from "./metadata.ts";
import { BEGIN_ROOM, type Output } from "./output.ts";
import { Code } from "./status.ts";

/** Fields of a request, each with its wire type. */
const REQUEST_SERVICE_TAG = (1 << 3) | 2;
const REQUEST_METHOD_TAG = (2 << 3) | 2;
const REQUEST_PAYLOAD_TAG = (3 << 3) | 2;
const REQUEST_TIMEOUT_TAG = 4 << 3;
const REQUEST_METADATA_TAG = (5 << 3) | 2;
/** Field 2 of a response, `bytes payload`. */
const RESPONSE_PAYLOAD_TAG = (2 << 3) | 2;

/** Names longer than this, in bytes, are decoded each time. */
const LONGEST_HEAD = 256;

const NO_PAIRS: readonly KeyValue[] = [];

/** Error texts longer than this, in UTF-16 units, are cut when the status would not fit into a frame. */
const LONGEST_TEXT = 16 * 1024;

/** A tag, and the length 0. */
const EMPTY_FIELD_LENGTH = 2;

const NO_BYTES = new Uint8Array(0);
const NOWHERE = Buffer.alloc(0);

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

/**
 * Reads requests of one connection. The result is the reader itself, valid until the next: nothing is allocated for an envelope. A
 * client calls the same few methods all the time, and Go, as we, writes their names first: bytes that begin as those before did are not
 * decoded again.
 */
export class RequestReader {
  service = "";
  method = "";
  /** Where the payload is in what was read. */
  payloadStart = 0;
  payloadEnd = 0;
  timeoutNano = 0n;
  metadata: readonly KeyValue[] = NO_PAIRS;
  /** Fields 1 and 2 of the request before, and what they say. */
  #head: Uint8Array = NO_BYTES;
  #headService = "";
  #headMethod = "";

  /** @throws {WireError} when `body` is no request */
  read(body: Uint8Array): void {
    this.service = "";
    this.method = "";
    this.payloadStart = 0;
    this.payloadEnd = 0;
    this.timeoutNano = 0n;
    this.metadata = NO_PAIRS;
    const known = this.#startsAsBefore(body);
    if (known) {
      this.service = this.#headService;
      this.method = this.#headMethod;
    }
    const reader = new Reader(body, known ? this.#head.length : 0);
    let pairs: KeyValue[] | undefined;
    let isServiceFirst = false;
    for (let tag = reader.tag(), field = known ? 2 : 0; tag !== 0; tag = reader.tag(), field++) {
      switch (tag) {
        case REQUEST_SERVICE_TAG:
          this.service = reader.string();
          isServiceFirst = field === 0;
          break;
        case REQUEST_METHOD_TAG:
          this.method = reader.string();
          if (isServiceFirst && field === 1) this.#remember(body, reader.position);
          break;
        case REQUEST_PAYLOAD_TAG: {
          const length = reader.span();
          this.payloadEnd = reader.position;
          this.payloadStart = this.payloadEnd - length;
          break;
        }
        case REQUEST_TIMEOUT_TAG:
          this.timeoutNano = reader.int64();
          break;
        case REQUEST_METADATA_TAG:
          (pairs ??= []).push(reader.message(KeyValue));
          break;
        default:
          reader.skip(tag);
      }
    }
    if (pairs !== undefined) this.metadata = pairs;
  }

  #startsAsBefore(body: Uint8Array): boolean {
    const head = this.#head;
    if (head.length === 0 || body.length < head.length) return false;
    for (let at = 0; at < head.length; at++) if (head[at] !== body[at]) return false;
    return true;
  }

  #remember(body: Uint8Array, end: number): void {
    if (end > LONGEST_HEAD) return;
    this.#head = new Uint8Array(body.subarray(0, end));
    this.#headService = this.service;
    this.#headMethod = this.method;
  }
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

/** One for all replies: each is written at once. */
const replyWriter = new Writer();

/**
 * Encodes a reply straight into its response frame.
 *
 * @returns the length of the frame's body; nothing was written when it is over `limit`
 * @throws {WireError} when a value does not fit its field; nothing was written then
 */
export function writeReply<T>(
  output: Output,
  streamId: number,
  type: MessageType<T>,
  reply: Partial<T>,
  limit: number,
): number {
  const at = output.begin();
  const { target } = output;
  const writer = replyWriter;
  let used = 0;
  let large: Uint8Array | undefined;
  let length: number;
  try {
    writer.aim(target, at + HEADER_LENGTH, at + BEGIN_ROOM);
    const field = writer.tag(RESPONSE_PAYLOAD_TAG).open();
    type.append(writer, reply);
    writer.close(field);
    // A field that would be empty is left out.
    length = writer.length === EMPTY_FIELD_LENGTH ? 0 : writer.length;
    if (!writer.isIn(target)) large = writer.finish();
    else if (length <= limit) {
      writeHeader(target, at, length, streamId, FRAME_TYPE.response, FRAME_FLAG.none);
      used = HEADER_LENGTH + length;
    }
  } finally {
    output.end(used);
    // What was too long for shared memory must not stay until the next reply.
    writer.aim(NOWHERE, 0, 0);
  }
  if (large !== undefined && length <= limit)
    writeFrame(output, streamId, FRAME_TYPE.response, FRAME_FLAG.none, large);
  return length;
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
