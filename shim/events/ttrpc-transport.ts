/** Hands events to containerd over its ttrpc socket (`TTRPC_ADDRESS`). */
import { Events } from "../../protos/gen/events.ts";
import type { Envelope } from "../../protos/gen/types.ts";
import { Code, connect, isConnectionClosed, RpcError, type Client } from "../ttrpc/index.ts";
import { EventRefusedError, type EventTransport } from "./delivery.ts";

/** Answers that will be the same next time. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  Code.InvalidArgument,
  Code.OutOfRange,
  // Of our own making: the event is longer than a message may be.
  Code.ResourceExhausted,
  Code.Unimplemented,
]);

/** Answers of a peer that is coming up or going down; nothing is wrong with the event. */
const AWAY_CODES: ReadonlySet<number> = new Set([Code.Unavailable, Code.Canceled, Code.DeadlineExceeded]);

/** Dials a ttrpc server. */
export type TtrpcConnector = (path: string, signal: AbortSignal) => Promise<Client>;

export class TtrpcTransport implements EventTransport {
  readonly #path: string;
  readonly #connect: TtrpcConnector;
  #client: Client | undefined;

  /** @param address path of a socket or pipe, with or without `unix://` */
  constructor(address: string, dial: TtrpcConnector = (path, signal) => connect(path, { signal })) {
    this.#path = address.replace(/^unix:\/\//, "");
    this.#connect = dial;
  }

  async forward(envelope: Envelope, signal: AbortSignal): Promise<void> {
    const known = this.#client;
    try {
      await this.#send(envelope, signal);
    } catch (error) {
      // containerd has been restarted since the last event: its socket is a new one.
      if (known === undefined || !isConnectionClosed(error) || signal.aborted) throw error;
      await this.#send(envelope, signal);
    }
  }

  async close(): Promise<void> {
    await this.#drop(this.#client);
  }

  async #send(envelope: Envelope, signal: AbortSignal): Promise<void> {
    const client = this.#client ?? (await this.#dial(signal));
    try {
      await client.call(Events, "Forward", { envelope }, { signal });
    } catch (error) {
      if (signal.aborted || isConnectionClosed(error)) {
        // No answer in time: whoever holds the other end of this connection may have stopped for good.
        await this.#drop(client);
        throw error;
      }
      throw RpcError.is(error) ? refusalOf(error) : error;
    }
  }

  async #dial(signal: AbortSignal): Promise<Client> {
    const client = await this.#connect(this.#path, signal);
    this.#client = client;
    void client.closed.then(() => this.#forget(client));
    return client;
  }

  async #drop(client: Client | undefined): Promise<void> {
    if (client === undefined) return;
    this.#forget(client);
    await client.close();
  }

  #forget(client: Client): void {
    if (this.#client === client) this.#client = undefined;
  }
}

function refusalOf(error: RpcError): Error {
  if (AWAY_CODES.has(error.code)) return error;
  return new EventRefusedError(error.message, { final: FINAL_CODES.has(error.code), cause: error });
}
