/**
 * What generated code looks like from outside: a message type is a value that encodes and decodes one
 * message, a service is a table of methods. The generator (scripts/protos.ts) emits these.
 */
import type { Reader } from "./wire-reader.ts";
import type { Writer } from "./wire-writer.ts";

/** Encodes and decodes one protobuf message type. 64-bit fields are `bigint`, `bytes` are `Uint8Array`. */
export interface MessageType<T> {
  /** Fully qualified name, e.g. `containerd.task.v2.CreateTaskRequest`. */
  readonly typeName: string;
  /** A message with every field at its proto3 default, overridden by `init`. */
  create(init?: Partial<T>): T;
  /**
   * The canonical encoding: fields by number, defaults omitted, map keys sorted.
   *
   * @throws {WireError} when a number does not fit its field
   */
  encode(message: Partial<T>): Uint8Array;
  /**
   * Reads one message, from `start` to `end` of the input; fields it does not know are skipped. `bytes` fields of the result share
   * memory with the input.
   *
   * @throws {WireError} when the bytes are not a valid encoding
   */
  decode(bytes: Uint8Array, start?: number, end?: number): T;
  /** As `encode`, behind what `writer` holds. */
  append(writer: Writer, message: Partial<T>): void;
  /** Appends the fields, without a length, to `writer`. */
  write(writer: Writer, message: Partial<T>): void;
  /** Reads fields up to the end of the message `reader` is in; into `into`, if given, else into a new one. */
  read(reader: Reader, into?: T): T;
}

/** One RPC of a service. */
export interface MethodDescriptor<
  I = unknown,
  O = unknown,
  ClientStreaming extends boolean = boolean,
  ServerStreaming extends boolean = boolean,
> {
  readonly name: string;
  readonly input: MessageType<I>;
  readonly output: MessageType<O>;
  readonly clientStreaming: ClientStreaming;
  readonly serverStreaming: ServerStreaming;
}

export type UnaryMethod<I, O> = MethodDescriptor<I, O, false, false>;
export type ClientStreamingMethod<I, O> = MethodDescriptor<I, O, true, false>;
export type ServerStreamingMethod<I, O> = MethodDescriptor<I, O, false, true>;
export type BidiStreamingMethod<I, O> = MethodDescriptor<I, O, true, true>;

/** A service: its fully qualified name and its methods by name. */
export interface ServiceDescriptor<Methods = Readonly<Record<string, MethodDescriptor>>> {
  readonly typeName: string;
  readonly methods: Methods;
}

/** The message a {@link MessageType} describes. */
export type MessageOf<M> = M extends MessageType<infer T> ? T : never;

/** The request message of a method. */
export type InputOf<M> = M extends MethodDescriptor<infer I> ? I : never;

/** The response message of a method. */
export type OutputOf<M> = M extends MethodDescriptor<infer _I, infer O> ? O : never;

/** What implements one method: unary handlers answer with a promise (or at once), streaming ones take and give iterables. */
export type MethodHandler<M, Context> =
  M extends MethodDescriptor<infer I, infer O, infer ClientStreaming, infer ServerStreaming>
    ? (
        request: ClientStreaming extends true ? AsyncIterable<I> : I,
        context: Context,
      ) => ServerStreaming extends true ? AsyncIterable<Partial<O>> : Promise<Partial<O>> | Partial<O>
    : never;

/** What implements a service: one handler for each of its methods. */
export type ServiceHandlers<S extends ServiceDescriptor, Context> = {
  readonly [Name in keyof S["methods"]]: MethodHandler<S["methods"][Name], Context>;
};
