/**
 * ttrpc for Node: a server and a client of the protocol that containerd and its shims speak, on any `Duplex`.
 * The wire format is described at the frame (frame.ts), the rules for streams at the two kinds of them.
 *
 * Services are tables of methods ({@link ServiceDescriptor}) whose messages know how to encode and decode themselves
 * ({@link MessageType}); for messages written by hand there are {@link Reader} and {@link Writer}.
 *
 * @example
 * const server = new Server();
 * server.register(Greeter, { Greet: async ({ name }, { signal }) => ({ text: await greet(name, signal) }) });
 * await server.listen({ path: "/run/greeter.sock" });
 *
 * @example
 * await using client = await connect("/run/greeter.sock");
 * const { text } = await client.call(Greeter, "Greet", { name: "you" }, { timeoutMs: 2000 });
 */
export type {
  BidiStreamingMethod,
  ClientStreamingMethod,
  InputOf,
  MessageType,
  MethodDescriptor,
  MethodHandler,
  OutputOf,
  ServerStreamingMethod,
  ServiceDescriptor,
  ServiceHandlers,
  UnaryMethod,
} from "../../protos/types.ts";
export { Reader, WireError, Writer } from "../../protos/wire.ts";
export type { CallConnection, CallContext } from "./call-context.ts";
export type { CallOptions } from "./call-limit.ts";
export { Client, connect } from "./client.ts";
export type { ClientOptions, StreamMethodName, StreamOptions, UnaryMethodName } from "./client.ts";
export type { ClientLimits } from "./client-connection.ts";
export type { ClientStream } from "./client-stream.ts";
export { SYSTEM_CLOCK } from "./clock.ts";
export type { Clock } from "./clock.ts";
export { FrameDecoder } from "./decoder.ts";
export type { FrameSink } from "./decoder.ts";
export { CALLS_CHANNEL, DIAGNOSTICS_CHANNEL } from "./diagnostics.ts";
export type { CallIdentity, Diagnostic, Side } from "./diagnostics.ts";
export {
  FRAME_FLAG,
  FRAME_TYPE,
  HEADER_LENGTH,
  MAX_MESSAGE_LENGTH,
  encodeFrame,
  readHeader,
} from "./frame.ts";
export type { FrameHeader } from "./frame.ts";
export { Metadata } from "./metadata.ts";
export type { MetadataInit } from "./metadata.ts";
export { DEFAULT_LIMITS, Server } from "./server.ts";
export type { ListenAddress, ServerOptions } from "./server.ts";
export type { ConnectionObserver, PendingCall, ServerLimits } from "./server-connection.ts";
export {
  Code,
  ConnectionClosedError,
  RpcError,
  classOfCode,
  codeOf,
  isConnectionClosed,
  nameOfCode,
  rpcErrorOf,
  statusOf,
  withClass,
} from "./status.ts";
export type { CodeName } from "./status.ts";
