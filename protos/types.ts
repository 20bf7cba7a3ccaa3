/**
 * What generated code looks like from outside: a message type is a value that encodes and decodes one
 * message, a service is a table of methods. The generator (scripts/protos.ts) emits these.
 */
import type { Reader, Writer } from "./wire.ts";

/** Encodes and decodes one protobuf message type. 64-bit fields are `bigint`, `bytes` are `Uint8Array`. */
export interface MessageType<T> {
  /** Fully qualified name, e.g. `containerd.task.v2.CreateTaskRequest`. */
  readonly typeName: string;
  /** A message with every field at its proto3 default, overridden by `init`. */
  create(init?: Partial<T>): T;
  encode(message: Partial<T>): Uint8Array;
  /** @throws {WireError} when the bytes are not a valid encoding */
  decode(bytes: Uint8Array): T;
  write(writer: Writer, message: Partial<T>): void;
  /** Reads fields until `end` (an offset into the reader's buffer). */
  read(reader: Reader, end: number): T;
}

/** One RPC of a service. */
export interface MethodDescriptor<I = unknown, O = unknown> {
  readonly name: string;
  readonly input: MessageType<I>;
  readonly output: MessageType<O>;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
}

/** A service: its fully qualified name and its methods by name. */
export interface ServiceDescriptor {
  readonly typeName: string;
  readonly methods: Readonly<Record<string, MethodDescriptor<never, never>>>;
}

/** The message a {@link MessageType} describes. */
export type MessageOf<M> = M extends MessageType<infer T> ? T : never;
