/** The host's end of a guest connection, as raw as a test wants it: nothing is matched, checked or hidden. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { encodeFrame, FrameDecoder } from "../../hcs/guest/frame.ts";
import {
  CONTAINER_NOTIFICATION,
  NULL_ACTIVITY_ID,
  REQUEST_TYPE,
  type MessageName,
} from "../../hcs/guest/protocol.ts";
import { parseJson, stringifyJson } from "../../hcs/json.ts";
import { until } from "./until.ts";

/** A frame that the guest sent, in the order of arrival. */
export interface ReceivedFrame {
  readonly type: number;
  readonly id: bigint;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A response with its result as an unsigned number. */
export interface Response {
  readonly result: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export class GuestBridge {
  readonly received: ReceivedFrame[] = [];
  readonly socket: Socket;
  #nextId: bigint;

  constructor(socket: Socket, firstId = 0n) {
    this.socket = socket;
    this.#nextId = firstId;
    const decoder = new FrameDecoder();
    socket.on("data", (chunk: Buffer) => {
      decoder.push(chunk, ({ type, id, body }) => {
        this.received.push({ type, id, body: parseJson(body.toString("utf8")) as ReceivedFrame["body"] });
      });
    });
    // How a connection ends is what tests ask about themselves.
    socket.on("error", () => undefined);
  }

  /** The id that the next request gets. */
  get nextId(): bigint {
    return this.#nextId;
  }

  /** Sends a request without waiting for anything. Answers its id. */
  send(message: MessageName | number, body: object | string): bigint {
    const id = this.#nextId++;
    this.sendAs(id, message, body);
    return id;
  }

  /** {@link send} with an id of the test's choice. */
  sendAs(id: bigint, message: MessageName | number, body: object | string): void {
    const type = typeof message === "number" ? message : REQUEST_TYPE[message];
    const text = typeof body === "string" ? body : stringifyJson({ ActivityId: NULL_ACTIVITY_ID, ...body });
    this.socket.write(encodeFrame(type, id, text));
  }

  /** The response to request `id`, once it is there. */
  async response(id: bigint, timeoutMs?: number): Promise<Response> {
    const frame = await until(`the response to request ${id}`, () => this.findResponse(id), {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return { result: Number(frame.body["Result"] ?? 0) >>> 0, body: frame.body };
  }

  findResponse(id: bigint): ReceivedFrame | undefined {
    return this.received.find((frame) => frame.id === id && frame.type >>> 28 === 2);
  }

  async call(message: MessageName | number, body: object | string): Promise<Response> {
    return this.response(this.send(message, body));
  }

  /** {@link call} for requests that must succeed. */
  async must(message: MessageName, body: object): Promise<Response["body"]> {
    const response = await this.call(message, body);
    if (response.result === 0) return response.body;
    throw new Error(`${message} failed: ${JSON.stringify(response.body)}`);
  }

  async negotiate(): Promise<Response["body"]> {
    return this.must("NegotiateProtocol", { ContainerId: "", MinimumVersion: 4, MaximumVersion: 4 });
  }

  notifications(containerId: string): ReceivedFrame[] {
    return this.received.filter(
      ({ type, body }) => type === CONTAINER_NOTIFICATION && body["ContainerId"] === containerId,
    );
  }

  async notification(containerId: string): Promise<ReceivedFrame> {
    return until(`the exit notification of ${containerId}`, () => this.notifications(containerId)[0]);
  }

  async close(): Promise<void> {
    if (this.socket.destroyed) return;
    const closed = once(this.socket, "close");
    this.socket.destroy();
    await closed;
  }
}
