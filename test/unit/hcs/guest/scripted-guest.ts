/** The other end of a guest connection, played by the test: it sees each request and decides what to answer. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { GuestConnection, type GuestConnectionOptions } from "../../../../hcs/guest/connection.ts";
import { encodeFrame, FrameDecoder } from "../../../../hcs/guest/frame.ts";
import {
  CONTAINER_NOTIFICATION,
  messageName,
  REQUEST_TYPE,
  responseType,
  type MessageName,
} from "../../../../hcs/guest/protocol.ts";
import { parseJson, stringifyJson } from "../../../../hcs/json.ts";
import { TestSockets } from "./sockets.ts";

/** Bodies are whatever the host sent: tests compare them, types would only get in the way. */
export type JsonBody = Record<string, unknown>;

export interface GuestRequest {
  readonly type: number;
  readonly message: MessageName;
  readonly id: bigint;
  readonly body: JsonBody;
}

export const CAPABILITIES: JsonBody = {
  SupportedSchemaVersions: [{ Major: 2, Minor: 1 }],
  RuntimeOsType: "Linux",
  GuestDefinedCapabilities: {
    NamespaceAddRequestSupported: true,
    SignalProcessSupported: true,
    DumpStacksSupported: true,
    DeleteContainerStateSupported: true,
  },
};

export class ScriptedGuest {
  readonly socket: Socket;
  readonly #decoder: FrameDecoder = new FrameDecoder();
  readonly #received: GuestRequest[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) =>
      this.#decoder.push(chunk, ({ type, id, body }) => {
        const message = messageName(type);
        if (message === undefined) throw new Error(`the host sent type ${type.toString(16)}`);
        this.#received.push({ type, message, id, body: parseJson(body.toString()) as JsonBody });
        socket.emit("request");
      }),
    );
  }

  /** Requests that {@link next} has not handed out. */
  get unread(): readonly GuestRequest[] {
    return this.#received;
  }

  /** The next request, in the order of arrival. */
  async next(message?: MessageName): Promise<GuestRequest> {
    while (this.#received.length === 0) await once(this.socket, "request");
    const request = this.#received.shift()!;
    if (message !== undefined && request.message !== message) {
      throw new Error(`expected ${message}, the host sent ${request.message} ${stringifyJson(request.body)}`);
    }
    return request;
  }

  answer(request: Pick<GuestRequest, "message" | "id">, body: JsonBody = {}): void {
    const type = responseType(REQUEST_TYPE[request.message]);
    this.send(type, request.id, { Result: 0, ...body });
  }

  /** `hresult` as it is usually written, unsigned. */
  refuse(request: GuestRequest, hresult: number, message?: string): void {
    this.answer(request, {
      Result: hresult | 0,
      ...(message === undefined ? {} : { ErrorMessage: message }),
    });
  }

  notifyExit(containerId: string, type: string): void {
    this.send(CONTAINER_NOTIFICATION, 0n, {
      ContainerId: containerId,
      Type: type,
      Operation: "None",
      Result: 0,
    });
  }

  send(type: number, id: bigint, body: JsonBody): void {
    this.socket.write(encodeFrame(type, id, stringifyJson(body)));
  }
}

/** A connected pair, not negotiated, and all that belongs to it. */
export class GuestRig {
  readonly sockets: TestSockets;
  readonly guest: ScriptedGuest;
  readonly connection: GuestConnection;
  readonly host: Socket;

  private constructor(
    sockets: TestSockets,
    host: Socket,
    guest: Socket,
    options: Partial<GuestConnectionOptions>,
  ) {
    this.sockets = sockets;
    this.host = host;
    this.guest = new ScriptedGuest(guest);
    this.connection = GuestConnection.open(host, {
      os: "linux",
      name: "pod1@vm",
      listen: sockets.listen,
      ...options,
    });
  }

  static async open(options: Partial<GuestConnectionOptions> = {}): Promise<GuestRig> {
    const sockets = new TestSockets();
    const { host, guest } = await sockets.pair();
    return new GuestRig(sockets, host, guest, options);
  }

  /** Opened and negotiated with a guest that has these capabilities. */
  static async negotiated(
    capabilities: JsonBody = CAPABILITIES,
    options: Partial<GuestConnectionOptions> = {},
  ): Promise<GuestRig> {
    const rig = await GuestRig.open(options);
    const negotiated = rig.connection.negotiate({ coldStart: false });
    rig.guest.answer(await rig.guest.next("NegotiateProtocol"), { Version: 4, Capabilities: capabilities });
    await negotiated;
    return rig;
  }

  async dispose(): Promise<void> {
    await this.connection.close();
    await this.sockets.dispose();
  }
}
