/** The guest connection: the host's side of the protocol, and what both sides share of it. */
export { acceptOne, closeListener, type AcceptOptions, type Listen } from "./accept.ts";
export type { BridgeEnd, RequestOptions } from "./bridge.ts";
export {
  GuestConnection,
  UTC_TIME_ZONE,
  type GuestConnectionOptions,
  type NegotiateOptions,
} from "./connection.ts";
export type { ContainerExit, ContainerExitType, GuestContainer } from "./container.ts";
export { GUEST_DIAGNOSTICS, type GuestDiagnostic } from "./diagnostics.ts";
export { ENTROPY_BYTES, serveEntropy } from "./entropy.ts";
export {
  DEFAULT_MAX_FRAME_BYTES,
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameError,
  type Frame,
} from "./frame.ts";
export {
  readGuestLog,
  GuestLogDecoder,
  type GuestLogHandlers,
  type GuestLogLevel,
  type GuestLogRecord,
} from "./log-channel.ts";
export * from "./modify.ts";
export type * from "./properties.ts";
export * from "./protocol.ts";
export type * from "./resources.ts";
export type { GuestOs } from "./stdio.ts";
