/** A ttrpc client on one connection. It does not reconnect: whoever owns it knows what to repeat. */
import { connect as connectSocket } from "node:net";
import type { Duplex } from "node:stream";
import type { InputOf, MethodDescriptor, OutputOf, ServiceDescriptor } from "../../protos/types.ts";
import { refusal } from "./call-limit.ts";
import type { CallOptions } from "./call-limit.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ClientLimits, MethodHead } from "./client-connection.ts";
import { ClientStream } from "./client-stream.ts";
import { SYSTEM_CLOCK } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { Reporter } from "./diagnostics.ts";
import type { Diagnostic } from "./diagnostics.ts";
import { encodeRequestHead } from "./envelope.ts";
import { MAX_MESSAGE_LENGTH } from "./frame.ts";
import { payloadError } from "./inbox.ts";
import { Code, rpcErrorFromStatus } from "./status.ts";
import { UnaryCall } from "./unary-call.ts";
import type { Outcome } from "./unary-call.ts";

const DEFAULT_LIMITS: ClientLimits = {
  maxMessageLength: MAX_MESSAGE_LENGTH,
  highWaterBytes: 256 * 1024,
  maxQueuedBytes: 16 * 1024 * 1024,
  writeStallMs: 10_000,
  streamQueueBytes: 16 * 1024 * 1024,
};

export interface ClientOptions extends Partial<ClientLimits> {
  readonly clock?: Clock;
  /** Is told what is published on the diagnostics channel, for this client alone. Must not throw. */
  readonly onDiagnostic?: (diagnostic: Diagnostic) => void;
}

/** Names of the methods of a service that take one message and give one. */
export type UnaryMethodName<S extends ServiceDescriptor> = {
  [Name in keyof S["methods"]]: S["methods"][Name] extends MethodDescriptor<infer _I, infer _O, false, false>
    ? Name
    : never;
}[keyof S["methods"]] &
  string;

/** Names of the methods of a service that take or give a stream. */
export type StreamMethodName<S extends ServiceDescriptor> = Exclude<
  keyof S["methods"] & string,
  UnaryMethodName<S>
>;

export interface StreamOptions<I> extends CallOptions {
  /** The message of a method that takes a single one. A method that takes a stream may be given its first. */
  readonly request?: Partial<I>;
}

/** Encoded names, by service and method: the same for every call. */
const heads: WeakMap<ServiceDescriptor, Map<string, MethodHead>> = new WeakMap();

/** One connection to a ttrpc server. */
export class Client implements AsyncDisposable {
  readonly #connection: ClientConnection;

  constructor(stream: Duplex, options: ClientOptions = {}) {
    const { clock, onDiagnostic, ...limits } = options;
    this.#connection = new ClientConnection(
      stream,
      { ...DEFAULT_LIMITS, ...limits },
      clock ?? SYSTEM_CLOCK,
      new Reporter(onDiagnostic),
    );
  }

  /** Resolves when the connection has ended, with the reason if it was not simply closed. Never rejects. */
  get closed(): Promise<Error | undefined> {
    return this.#connection.closed;
  }

  /** Calls and streams that are under way. */
  get inFlight(): number {
    return this.#connection.inFlight;
  }

  /** Bytes that have been written and not yet been taken by the operating system. */
  get queuedBytes(): number {
    return this.#connection.connection.queuedBytes;
  }

  /**
   * Calls a unary method.
   *
   * @throws {RpcError} the server's status; DeadlineExceeded or Canceled when the call was given up; ResourceExhausted
   *   when it is too long or too much is queued; a {@link ConnectionClosedError} when the connection has ended
   *
   * @example
   * const { pid } = await client.call(Task, "State", { id: "web" }, { timeoutMs: 2000 });
   */
  async call<S extends ServiceDescriptor, M extends UnaryMethodName<S>>(
    service: S,
    method: M,
    request: Partial<InputOf<S["methods"][M]>>,
    options?: CallOptions,
  ): Promise<OutputOf<S["methods"][M]>> {
    const descriptor = methodOf(service, method);
    const payload = descriptor.input.encode(request);
    const outcome = await this.#unary(headOf(service, descriptor), payload, options);
    // Errors are made here, after the wait, so that their stack leads to the caller and not to the socket.
    const reply = payloadOf(outcome);
    try {
      return descriptor.output.decode(reply) as OutputOf<S["methods"][M]>;
    } catch (error) {
      throw payloadError(error);
    }
  }

  /** Calls a method by name with a message that is encoded already. `payload` must not change until it has been sent. */
  async callRaw(
    service: string,
    method: string,
    payload: Uint8Array,
    options?: CallOptions,
  ): Promise<Uint8Array> {
    const head = { name: `${service}/${method}`, bytes: encodeRequestHead(service, method) };
    return payloadOf(await this.#unary(head, payload, options));
  }

  /**
   * Begins a streaming call.
   *
   * @throws {RpcError} when the call was given up before it began
   */
  stream<S extends ServiceDescriptor, M extends StreamMethodName<S>>(
    service: S,
    method: M,
    options: StreamOptions<InputOf<S["methods"][M]>> = {},
  ): ClientStream<InputOf<S["methods"][M]>, OutputOf<S["methods"][M]>> {
    const descriptor = methodOf(service, method) as MethodDescriptor<
      InputOf<S["methods"][M]>,
      OutputOf<S["methods"][M]>
    >;
    const head = headOf(service, descriptor);
    const refused = refusal(head.name, options);
    if (refused !== undefined) throw refused();
    const payload = options.request === undefined ? undefined : descriptor.input.encode(options.request);
    return new ClientStream(this.#connection, head, descriptor, payload, options);
  }

  /** Closes the connection: what is under way fails. */
  async close(): Promise<void> {
    this.#connection.destroy();
    await this.#connection.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #unary(head: MethodHead, payload: Uint8Array, options: CallOptions | undefined): Promise<Outcome> {
    return new Promise((resolve) => {
      const refused = options === undefined ? undefined : refusal(head.name, options);
      if (refused !== undefined) resolve(refused);
      else this.#connection.submit(new UnaryCall(this.#connection, head, payload, options, resolve));
    });
  }
}

/**
 * Connects to a unix socket or named pipe.
 *
 * @param path the plain path, without `unix://`
 * @throws the socket's error, or the signal's reason
 */
export async function connect(
  path: string,
  options: ClientOptions & { readonly signal?: AbortSignal } = {},
): Promise<Client> {
  const { signal, ...clientOptions } = options;
  signal?.throwIfAborted();
  return await new Promise<Client>((resolve, reject) => {
    const attempt = connectSocket(path);
    const onAbort = (): void => {
      attempt.destroy(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    attempt.once("error", (error) => {
      signal?.removeEventListener("abort", onAbort);
      reject(new Error(`cannot connect to "${path}": ${error.message}`, { cause: error }));
    });
    attempt.once("connect", () => {
      signal?.removeEventListener("abort", onAbort);
      attempt.removeAllListeners("error");
      resolve(new Client(attempt, clientOptions));
    });
  });
}

function methodOf(service: ServiceDescriptor, method: string): MethodDescriptor {
  const descriptor = service.methods[method];
  if (descriptor === undefined)
    throw new TypeError(`cannot call "${service.typeName}/${method}": no such method`);
  return descriptor;
}

function headOf(service: ServiceDescriptor, method: MethodDescriptor): MethodHead {
  const methods = heads.get(service) ?? new Map<string, MethodHead>();
  heads.set(service, methods);
  let head = methods.get(method.name);
  if (head === undefined) {
    const name = `${service.typeName}/${method.name}`;
    head = { name, bytes: encodeRequestHead(service.typeName, method.name) };
    methods.set(method.name, head);
  }
  return head;
}

function payloadOf(outcome: Outcome): Uint8Array {
  if (typeof outcome === "function") throw outcome();
  if (outcome.status !== undefined && outcome.status.code !== Code.OK)
    throw rpcErrorFromStatus(outcome.status);
  return outcome.payload;
}
