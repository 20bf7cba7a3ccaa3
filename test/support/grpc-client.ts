/** A gRPC client made from a service's descriptor: our own messages over grpc-js, no .proto text at run time. */
import { Client, Metadata, credentials } from "@grpc/grpc-js";
import type { InputOf, MethodDescriptor, OutputOf, ServiceDescriptor } from "../../protos/types.ts";

const DEFAULT_TIMEOUT_MS = 60_000;
/** What containerd sends and takes at most, unless configured otherwise. */
const MESSAGE_LIMIT_BYTES = 16 << 20;

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The unary methods of a service, as functions. */
export type UnaryCalls<Methods> = {
  readonly [Name in keyof Methods]: (
    request?: Partial<InputOf<Methods[Name]>>,
    options?: CallOptions,
  ) => Promise<OutputOf<Methods[Name]>>;
};

/** A connection to a gRPC server on a unix socket. */
export class GrpcConnection {
  readonly #client: Client;

  constructor(socketPath: string) {
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

  close(): void {
    this.#client.close();
  }

  #call(path: string, method: MethodDescriptor, request: object, options: CallOptions): Promise<unknown> {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
    const deadline = Date.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        (message: object) => Buffer.from(method.input.encode(message as Partial<unknown>)),
        (bytes: Buffer) => method.output.decode(bytes),
        request,
        metadata,
        // Reconnecting after a restart of the server is part of a call.
        { deadline, waitForReady: true } as { deadline: number },
        (error, response) => (error === null ? resolve(response) : reject(error)),
      );
    });
  }
}
