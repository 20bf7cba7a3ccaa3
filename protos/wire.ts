/**
 * The protobuf wire format: reading, writing, and what can be wrong with bytes. Own code instead of a
 * package, because the short-lived commands must start without loading one, 64-bit fields have to be
 * `bigint`, and unused message types have to fall out of a bundle.
 */
export { WireError } from "./wire-error.ts";
export { MAX_DEPTH, Reader, WireType } from "./wire-reader.ts";
export { Writer } from "./wire-writer.ts";
