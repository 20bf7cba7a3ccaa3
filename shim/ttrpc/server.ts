/** A ttrpc server: services, the sockets it accepts connections on, and how it comes to an end. */
import { createServer } from "node:net";
import type { Server as NetServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ServiceDescriptor, ServiceHandlers } from "../../protos/types.ts";
import type { CallConnection, CallContext } from "./call-context.ts";
import { Alarm, SYSTEM_CLOCK } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { Reporter } from "./diagnostics.ts";
import type { Diagnostic } from "./diagnostics.ts";
import { MAX_MESSAGE_LENGTH } from "./frame.ts";
import { Registry } from "./registry.ts";
import { ServerConnection } from "./server-connection.ts";
import type {
  ConnectionObserver,
  PendingCall,
  ServerConnectionHost,
  ServerLimits,
} from "./server-connection.ts";

export const DEFAULT_LIMITS: ServerLimits = {
  maxMessageLength: MAX_MESSAGE_LENGTH,
  maxQueuedBytes: 1024 * 1024,
  streamQueueBytes: 1024 * 1024,
  streamStallMs: 1000,
  flushMs: 1000,
};

export interface ServerOptions extends Partial<ServerLimits> {
  readonly clock?: Clock;
  /** Is told what is published on the diagnostics channel, for this server alone. Must not throw. */
  readonly onDiagnostic?: (diagnostic: Diagnostic) => void;
  readonly observer?: ConnectionObserver;
}

/** Where to listen: a path (on Windows the name of a pipe), or a listening socket that was inherited. */
export type ListenAddress = { readonly path: string } | { readonly fd: number };

/** Serves registered services on any number of connections. */
export class Server implements AsyncDisposable {
  readonly #registry: Registry = new Registry();
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  readonly #host: ServerConnectionHost;
  readonly #listeners: Set<NetServer> = new Set();
  readonly #owned: Set<{ close(): void }> = new Set();
  readonly #connections: Set<ServerConnection> = new Set();
  readonly #waiters: Set<() => void> = new Set();
  #inFlight = 0;
  #stopped: Promise<void> | undefined;

  constructor(options: ServerOptions = {}) {
    const { clock, onDiagnostic, observer, ...limits } = options;
    this.#clock = clock ?? SYSTEM_CLOCK;
    this.#reporter = new Reporter(onDiagnostic);
    this.#host = {
      registry: this.#registry,
      observer,
      limits: { ...DEFAULT_LIMITS, ...limits },
      clock: this.#clock,
      reporter: this.#reporter,
      onCall: (change) => {
        this.#inFlight += change;
        this.#wakeWaiters();
      },
      onConnectionClosed: (connection) => {
        this.#connections.delete(connection);
        this.#wakeWaiters();
      },
    };
  }

  /** Handlers that are running, those whose client has gone included. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Whether {@link Server.shutdown} or {@link Server.close} has been called. */
  get stopped(): boolean {
    return this.#stopped !== undefined;
  }

  /**
   * Serves the methods of a service. One set of handlers can be registered for several services, such as the versions of
   * one API.
   *
   * @throws {TypeError} when the service is registered already, or a handler is missing
   *
   * @example
   * server.register(Task, { ...handlers, state: async ({ id }, context) => tasks.get(id).state(context.signal) });
   */
  register<S extends ServiceDescriptor>(service: S, handlers: ServiceHandlers<S, CallContext>): this {
    this.#registry.add(service, handlers);
    return this;
  }

  /**
   * Listens, and serves who connects. The socket's file and its permissions are the caller's business.
   *
   * @throws when the address is in use or no listening socket; the cause is the system's error
   */
  async listen(address: ListenAddress): Promise<NetServer> {
    const listener = createServer();
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => {
        const where = "path" in address ? `"${address.path}"` : `descriptor ${address.fd}`;
        reject(new Error(`cannot listen on ${where}: ${cause.message}`, { cause }));
      };
      listener.once("error", onError);
      listener.listen(address, () => {
        listener.off("error", onError);
        resolve();
      });
    });
    this.serve(listener);
    return listener;
  }

  /** Serves who connects to a socket that listens already, and closes it when the server stops. */
  serve(listener: NetServer): void {
    listener.on("connection", (socket: Socket) => this.handleConnection(socket));
    // Too many open files, for instance: the connection is lost, the listener is not.
    listener.on("error", (error: Error) => {
      if (this.#reporter.active) this.#reporter.report({ kind: "accept-failed", side: "server", error });
    });
    if (this.stopped) listener.close();
    else this.#listeners.add(listener);
  }

  /** Closes a listener of the caller's, who hands over what it accepts, when the server stops. */
  own(listener: { close(): void }): void {
    if (this.stopped) listener.close();
    else this.#owned.add(listener);
  }

  /**
   * Serves one connection, whatever it is made of. A server that has been stopped closes it at once.
   *
   * @param pending calls that whoever served this connection before has not answered
   */
  handleConnection(stream: Duplex, pending: readonly PendingCall[] = []): CallConnection {
    const connection = new ServerConnection(stream, this.#host);
    this.#connections.add(connection);
    this.#host.observer?.onOpened(connection, stream);
    if (this.stopped) connection.destroy();
    else connection.resume(pending);
    return connection;
  }

  /**
   * Comes to an end in order: accepts nothing new, aborts streams, lets unary calls finish and sends their answers, also
   * those whose client has gone. What is still running at the limit is aborted, has one turn of the event loop to answer,
   * and is then cut off. A handler may begin this but must not wait for it: its own call is one of those that finish.
   *
   * @param limit how long calls may take, in milliseconds, or what ends the wait
   */
  async shutdown(limit: number | AbortSignal): Promise<void> {
    const listening = this.#stopAccepting();
    for (const connection of [...this.#connections]) connection.shutdown();
    const settled = (): boolean => this.#inFlight === 0 && this.#connections.size === 0;
    if (!(await this.#until(settled, limit))) {
      for (const connection of this.#connections) connection.abort();
      await new Promise(setImmediate);
      for (const connection of this.#connections) connection.end();
      // Each of them is cut when its time to flush is over.
      await this.#until(() => this.#connections.size === 0, undefined);
    }
    await listening;
  }

  /** Closes everything at once. Handlers that are running are aborted; nobody waits for them. */
  async close(): Promise<void> {
    const listening = this.#stopAccepting();
    for (const connection of [...this.#connections]) connection.destroy();
    await listening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #stopAccepting(): Promise<void> {
    return (this.#stopped ??= this.#closeListeners());
  }

  async #closeListeners(): Promise<void> {
    const closed: Promise<void>[] = [];
    for (const listener of this.#listeners) {
      // Done when its last connection has ended; not at all when somebody else has closed it.
      if (listener.listening) closed.push(new Promise((resolve) => listener.close(() => resolve())));
    }
    this.#listeners.clear();
    for (const listener of this.#owned) listener.close();
    this.#owned.clear();
    await Promise.all(closed);
  }

  /** Waits for a condition on calls and connections; false when the limit came first. */
  async #until(condition: () => boolean, limit: number | AbortSignal | undefined): Promise<boolean> {
    if (condition()) return true;
    return await new Promise<boolean>((resolve) => {
      const done = (result: boolean): void => {
        this.#waiters.delete(check);
        alarm?.cancel();
        if (limit instanceof AbortSignal) limit.removeEventListener("abort", giveUp);
        resolve(result);
      };
      const check = (): void => {
        if (condition()) done(true);
      };
      const giveUp = (): void => done(false);
      const alarm =
        typeof limit === "number"
          ? new Alarm(this.#clock, this.#clock.monotonic() + limit, giveUp)
          : undefined;
      this.#waiters.add(check);
      if (!(limit instanceof AbortSignal)) return;
      if (limit.aborted) giveUp();
      else limit.addEventListener("abort", giveUp);
    });
  }

  #wakeWaiters(): void {
    for (const check of [...this.#waiters]) check();
  }
}
