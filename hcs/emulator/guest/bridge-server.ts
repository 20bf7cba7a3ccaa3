/**
 * The guest's end of the guest connection: frames in, handlers at work side by side, responses out in the order in
 * which they are ready. One connection at a time; when it drops, the worker dials again, and what was asked on the old
 * connection is answered on the new one, under its old id, as soon as that has negotiated.
 */
import type { Socket } from "node:net";
import { encodeFrame, FrameDecoder, type Frame } from "../../guest/frame.ts";
import {
  CONTAINER_NOTIFICATION,
  describeType,
  frameKind,
  messageName,
  PROTOCOL_VERSION,
  responseType,
  type ContainerNotification,
  type MessageName,
  type GuestCapabilities,
  type NegotiateProtocolResponse,
} from "../../guest/protocol.ts";
import { stringifyJson } from "../../json.ts";
import { describe, errorMembers, GuestError, RESULT } from "./errors.ts";
import type { Handler, Request } from "./handlers.ts";
import type { Log } from "./log.ts";
import { parseText, readBase, readShape, REQUEST, type RequestBase } from "./requests.ts";

/** What a kind of guest answers. `NegotiateProtocol` is not among the handlers: it belongs to the connection. */
export interface GuestService<Agent> {
  readonly capabilities: GuestCapabilities;
  readonly handlers: { readonly [Name in MessageName]?: Handler<Name, Agent> };
}

interface Connection {
  readonly socket: Socket;
  negotiated: boolean;
}

export class BridgeServer<Agent> {
  readonly #agent: Agent;
  readonly #service: GuestService<Agent>;
  readonly #log: Log;
  #connection: Connection | undefined;
  /** Frames for a connection that is not there yet. */
  #queued: Buffer[] = [];

  constructor(agent: Agent, service: GuestService<Agent>, log: Log) {
    this.#agent = agent;
    this.#service = service;
    this.#log = log;
  }

  /** Serves a connection until it ends, for whatever reason. */
  serve(socket: Socket): Promise<void> {
    const connection: Connection = { socket, negotiated: false };
    this.#connection = connection;
    const decoder = new FrameDecoder();
    return new Promise((resolve) => {
      socket.on("data", (chunk: Buffer) => {
        try {
          decoder.push(chunk, (frame) => this.#receive(connection, frame));
        } catch (error) {
          this.#log.error("guest connection broke", { error: describe(error) });
          socket.destroy();
        }
      });
      // A host that does not read its responses gets no further requests served.
      socket.on("drain", () => socket.resume());
      socket.on("error", (error) => this.#log.warning("guest connection failed", { error: error.message }));
      socket.on("end", () => socket.destroy());
      socket.on("close", () => {
        if (this.#connection === connection) this.#connection = undefined;
        resolve();
      });
      socket.resume();
    });
  }

  notify(notification: ContainerNotification): void {
    this.#send(encodeFrame(CONTAINER_NOTIFICATION, 0n, stringifyJson(notification)));
  }

  #receive(connection: Connection, frame: Frame): void {
    if (frameKind(frame.type) !== "request") {
      this.#log.warning("frame ignored", { type: describeType(frame.type) });
      return;
    }
    const text = frame.body.toString("utf8");
    if (connection.negotiated) void this.#answer(connection, frame, text);
    else this.#negotiate(connection, frame, text);
  }

  /** Before negotiation nothing else is understood. Answers go to the very connection that asked. */
  #negotiate(connection: Connection, frame: Frame, text: string): void {
    let base: RequestBase | undefined;
    let members: NegotiateProtocolResponse;
    let accepted = false;
    try {
      const body = parseText(text, "message");
      base = readBase(body);
      if (messageName(frame.type) !== "NegotiateProtocol") throw notImplemented(frame);
      const { MinimumVersion: min = 0, MaximumVersion: max = 0 } = readShape(
        REQUEST.negotiateProtocol,
        body,
        "NegotiateProtocol",
      );
      if (min > PROTOCOL_VERSION || max < PROTOCOL_VERSION) {
        throw new GuestError(
          RESULT.unsupportedProtocolVersion,
          `protocol versions ${min} to ${max} are not supported, only ${PROTOCOL_VERSION}`,
        );
      }
      accepted = true;
      members = { Version: PROTOCOL_VERSION, Capabilities: this.#service.capabilities };
    } catch (error) {
      members = errorMembers(error);
    }
    connection.socket.write(encodeResponse(frame, base, members));
    if (!accepted) return;
    connection.negotiated = true;
    for (const queued of this.#queued.splice(0)) this.#send(queued);
  }

  async #answer(connection: Connection, frame: Frame, text: string): Promise<void> {
    const after: ((isHeard: boolean) => void)[] = [];
    let base: RequestBase | undefined;
    let members: object | undefined;
    try {
      const body = parseText(text, "message");
      base = readBase(body);
      const request: Request = { ...base, body, afterResponse: (action) => after.push(action) };
      members = await this.#handlerOf(frame)(this.#agent, request);
    } catch (error) {
      members = errorMembers(error);
      this.#log.debug("request failed", { type: describeType(frame.type), error: describe(error) });
    }
    if (members !== undefined) this.#send(encodeResponse(frame, base, members));
    for (const action of after) action(connection === this.#connection);
  }

  #handlerOf(frame: Frame): Handler<"DumpStacks", Agent> {
    const name = messageName(frame.type);
    const handler = name === undefined ? undefined : this.#service.handlers[name];
    if (handler === undefined) throw notImplemented(frame);
    // Which message it is no longer matters: the members go into the response as they are.
    return handler;
  }

  #send(bytes: Buffer): void {
    const connection = this.#connection;
    if (connection?.negotiated !== true || connection.socket.destroyed) {
      this.#queued.push(bytes);
      return;
    }
    if (!connection.socket.write(bytes)) connection.socket.pause();
  }
}

function notImplemented(frame: Frame): GuestError {
  return new GuestError(RESULT.notImplemented, `${describeType(frame.type)} is not supported in this state`);
}

function encodeResponse(frame: Frame, base: RequestBase | undefined, members: object): Buffer {
  const activity = base?.activityId === undefined ? {} : { ActivityId: base.activityId };
  const Result = "Result" in members ? members.Result : 0;
  return encodeFrame(responseType(frame.type), frame.id, stringifyJson({ Result, ...activity, ...members }));
}
