/** gRPC out of service tables: our own messages over grpc-js, no `.proto` text at run time. */
import {
  Client,
  credentials,
  Metadata,
  type ClientDuplexStream,
  type ClientReadableStream,
} from "@grpc/grpc-js";
import type {
  BidiStreamingMethod,
  InputOf,
  MethodDescriptor,
  OutputOf,
  ServerStreamingMethod,
  ServiceDescriptor,
  UnaryMethod,
} from "../../../protos/types.ts";

const DEFAULT_TIMEOUT_MS = 60_000;
/** What containerd sends and takes at most, unless configured otherwise. */
const MESSAGE_LIMIT_BYTES = 16 << 20;

export interface CallOptions {
  /** Milliseconds. */
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** The unary methods of a service, as functions. */
export type UnaryCalls<Methods> = {
  readonly [Name in keyof Methods as Methods[Name] extends UnaryMethod<infer _I, infer _O> ? Name : never]: (
    request?: Partial<InputOf<Methods[Name]>>,
    options?: CallOptions,
  ) => Promise<OutputOf<Methods[Name]>>;
};

/** A connection to a gRPC server on a unix socket or named pipe. */
export class GrpcConnection implements Disposable {
  readonly #client: Client;
  readonly #metadata: Readonly<Record<string, string>>;

  /** @param metadata sent with every call */
  constructor(socketPath: string, metadata: Readonly<Record<string, string>> = {}) {
    this.#metadata = metadata;
    this.#client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": MESSAGE_LIMIT_BYTES,
      "grpc.max_send_message_length": MESSAGE_LIMIT_BYTES,
      // The server may be killed and come back: the first call afterwards should not wait for a long back-off.
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 500,
    });
  }

  /** Functions for the unary methods of `service`. Errors are grpc-js's `ServiceError`, with `code` and `details`. */
  service<Methods extends { readonly [Name in keyof Methods]: MethodDescriptor }>(
    service: ServiceDescriptor<Methods>,
  ): UnaryCalls<Methods> {
    const calls = Object.entries<MethodDescriptor>(service.methods).map(([name, method]) => [
      name,
      (request: object = {}, options: CallOptions = {}) =>
        this.#call(`/${service.typeName}/${name}`, method, request, options),
    ]);
    return Object.fromEntries(calls) as UnaryCalls<Methods>;
  }

  /** Begins a call that is answered by a stream; read it with `for await`. */
  serverStream<I, O>(
    service: string,
    method: ServerStreamingMethod<I, O>,
    request: Partial<I>,
    options: CallOptions = {},
  ): ClientReadableStream<O> {
    const stream = this.#client.makeServerStreamRequest(
      `/${service}/${method.name}`,
      (message: Partial<I>) => Buffer.from(method.input.encode(message)),
      (bytes: Buffer) => method.output.decode(bytes),
      request,
      this.#metadataOf(options),
    );
    cancelOn(options.signal, stream);
    return stream;
  }

  /** Begins a call with a stream in both directions. */
  bidiStream<I, O>(
    service: string,
    method: BidiStreamingMethod<I, O>,
    options: CallOptions = {},
  ): ClientDuplexStream<Partial<I>, O> {
    const stream = this.#client.makeBidiStreamRequest(
      `/${service}/${method.name}`,
      (message: Partial<I>) => Buffer.from(method.input.encode(message)),
      (bytes: Buffer) => method.output.decode(bytes),
      this.#metadataOf(options),
    );
    cancelOn(options.signal, stream);
    return stream;
  }

  close(): void {
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #metadataOf({ metadata }: CallOptions): Metadata {
    const result = new Metadata();
    for (const [key, value] of Object.entries({ ...this.#metadata, ...metadata })) result.set(key, value);
    return result;
  }

  #call(path: string, method: MethodDescriptor, request: object, options: CallOptions): Promise<unknown> {
    const deadline = Date.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        path,
        (message: object) => Buffer.from(method.input.encode(message as Partial<unknown>)),
        (bytes: Buffer) => method.output.decode(bytes),
        request,
        this.#metadataOf(options),
        // Reconnecting after a restart of the server is part of a call.
        { deadline, waitForReady: true } as { deadline: number },
        (error, response) => (error === null ? resolve(response) : reject(error)),
      );
      cancelOn(options.signal, call);
    });
  }
}

/** A call that nobody waits for any more is given up. */
function cancelOn(
  signal: AbortSignal | undefined,
  call: { cancel(): void; once(event: "status", listener: () => void): unknown },
): void {
  if (signal === undefined) return;
  const cancel = (): void => call.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  call.once("status", () => signal.removeEventListener("abort", cancel));
}
