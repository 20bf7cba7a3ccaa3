import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { HcsProcess } from "../../hcs/api.ts";
import { HcsError } from "../../hcs/errors.ts";
import { GuestConnection } from "../../hcs/guest/connection.ts";
import type { GuestContainer } from "../../hcs/guest/container.ts";
import { encodeFrame } from "../../hcs/guest/frame.ts";
import {
  messageName,
  NULL_CONTAINER_ID,
  WAIT_FOREVER,
  type LinuxContainerConfig,
  type MessageName,
  type RequestBody,
} from "../../hcs/guest/protocol.ts";
import type { ContainerConstraints, GuestResourceRequest } from "../../hcs/guest/resources.ts";
import type { ProcessParameters } from "../../hcs/schema/process.ts";
import type { PropertyQuery } from "../../hcs/schema/properties.ts";
import { comparable, readRecording, RECORDINGS, type RecordedFrame } from "../unit/hcs/guest/recordings.ts";
import { ScriptedGuest, type GuestRequest, type JsonBody } from "../unit/hcs/guest/scripted-guest.ts";
import { TestSockets } from "../unit/hcs/guest/sockets.ts";

/**
 * The guest's half of a recording: each frame of the host must be the recorded one, then the guest's frames
 * up to the host's next one are sent. Ids are mapped, because the recording host also sent garbage, which
 * cost it an id.
 */
class RecordedGuest {
  readonly #script: ScriptedGuest;
  readonly #sockets: TestSockets;
  readonly #ids: Map<number, bigint> = new Map();
  readonly #dialled: Socket[] = [];

  constructor(script: ScriptedGuest, sockets: TestSockets) {
    this.#script = script;
    this.#sockets = sockets;
  }

  async play(frames: readonly RecordedFrame[]): Promise<void> {
    for (const frame of frames) {
      if (frame.direction === "host->guest") await this.#expect(frame);
      else this.#say(frame);
    }
  }

  async #expect(frame: RecordedFrame): Promise<void> {
    const request = await this.#script.next();
    this.#ids.set(frame.id, request.id);
    assert.equal(request.type, Number(frame.type), `frame ${frame.seq}`);
    assert.deepEqual(comparable(request.body), comparable(frame.body), `frame ${frame.seq}`);
    if (request.message === "ExecuteProcess") await this.#dial(request);
  }

  /** As the reference guest does: all streams, in this order, before the answer. */
  async #dial(request: GuestRequest): Promise<void> {
    const settings = request.body["Settings"] as { VsockStdioRelaySettings: Record<string, number> };
    for (const stream of ["StdIn", "StdOut", "StdErr"]) {
      const port = settings.VsockStdioRelaySettings[stream];
      if (port !== undefined) this.#dialled.push(await this.#sockets.dial(port));
    }
  }

  #say(frame: RecordedFrame): void {
    // Answers to calls of an earlier connection arrive with the ids of that one.
    const id = frame.type_name.startsWith("Notify") ? 0n : (this.#ids.get(frame.id) ?? BigInt(frame.id));
    const body = frame.body_utf8 ?? JSON.stringify(frame.body);
    this.#script.socket.write(encodeFrame(Number(frame.type), id, body));
  }
}

/** The host's half: sends what the recorded host sent, by the method a shim would call where there is one. */
class RecordedHost {
  readonly #connection: GuestConnection;
  readonly containers: Map<string, GuestContainer> = new Map();
  readonly processes: Map<number, HcsProcess> = new Map();
  readonly #ended: Set<number> = new Set();

  constructor(connection: GuestConnection) {
    this.#connection = connection;
  }

  async send(message: MessageName, body: JsonBody, response: JsonBody | undefined): Promise<void> {
    const call = this.#calls[message] ?? ((raw: JsonBody) => this.#raw(message, raw));
    const expected = ((response?.["Result"] as number | undefined) ?? 0) >>> 0;
    const outcome = await call(body).catch((error: unknown) => error);
    if (outcome instanceof HcsError) assert.equal(outcome.hresult, expected, outcome.message);
    else if (outcome instanceof Error) throw outcome;
    else if (outcome !== "forgiven") assert.equal(expected, 0, `${message} should have failed`);
  }

  readonly #calls: Partial<Record<MessageName, (body: JsonBody) => Promise<unknown>>> = {
    NegotiateProtocol: async (body) => {
      if (body["MinimumVersion"] !== 4) return this.#raw("NegotiateProtocol", body);
      return this.#connection.negotiate();
    },
    Create: async (body) => {
      const id = body["ContainerId"] as string;
      const config = body["ContainerConfig"] as string;
      // A duplicate never gets past the host, and JSON that is none cannot come from it.
      if (this.containers.has(id) || config === "{bad") return this.#raw("Create", body);
      const container = await this.#connection.createContainer(
        id,
        JSON.parse(config) as LinuxContainerConfig,
      );
      this.containers.set(id, container);
      return container;
    },
    Start: async (body) => (await this.#container(body)?.start()) ?? this.#unlessKnown("Start", body),
    ExecuteProcess: async (body) => {
      const settings = body["Settings"] as { ProcessParameters: string };
      const parameters = JSON.parse(settings.ProcessParameters) as ProcessParameters;
      const id = body["ContainerId"] as string;
      const owner = id === NULL_CONTAINER_ID ? this.#connection : this.containers.get(id);
      if (owner === undefined) return this.#raw("ExecuteProcess", body);
      const process = await owner.createProcess(parameters);
      this.processes.set(process.processId, process);
      const ended = () => this.#ended.add(process.processId);
      process.exited.then(ended, ended);
      return process;
    },
    SignalProcess: async (body) => {
      const process = this.processes.get(body["ProcessId"] as number);
      // What has exited is not signalled any more.
      if (process === undefined || this.#ended.has(process.processId))
        return this.#raw("SignalProcess", body);
      const options = body["Options"] as { Signal: number } | undefined;
      return options === undefined ? process.terminate() : process.signal(options.Signal);
    },
    ResizeConsole: async (body) => {
      const process = this.processes.get(body["ProcessId"] as number)!;
      return process.resize({ height: body["Height"] as number, width: body["Width"] as number });
    },
    GetProperties: async (body) => {
      const query = JSON.parse(body["Query"] as string) as PropertyQuery;
      return this.#container(body)?.properties(query) ?? this.#raw("GetProperties", body);
    },
    ModifySettings: async (body) => {
      const request = body["Request"] as GuestResourceRequest;
      const container = this.#container(body);
      if (container !== undefined)
        return container.updateConstraints(request.Settings as ContainerConstraints);
      if (body["ContainerId"] === NULL_CONTAINER_ID) return this.#connection.modify(request);
      return this.#raw("ModifySettings", body);
    },
    ShutdownGraceful: async (body) => forgiveGone(await this.#container(body)!.shutdown()),
    ShutdownForced: async (body) => {
      const container = this.#container(body);
      return container === undefined
        ? this.#raw("ShutdownForced", body)
        : forgiveGone(await container.terminate());
    },
    DeleteContainerState: async (body) => {
      await this.#container(body)!.deleteState();
      return "forgiven";
    },
  };

  #container(body: JsonBody): GuestContainer | undefined {
    return this.containers.get(body["ContainerId"] as string);
  }

  async #unlessKnown(message: MessageName, body: JsonBody): Promise<unknown> {
    return this.#container(body) === undefined ? this.#raw(message, body) : undefined;
  }

  #raw(message: MessageName, body: JsonBody): Promise<unknown> {
    return this.#connection.request(message, body as unknown as RequestBody<MessageName>);
  }
}

/** An answer that the host turns into an outcome instead of an error. */
function forgiveGone(outcome: string): unknown {
  return outcome === "gone" ? "forgiven" : outcome;
}

interface Replayed {
  readonly connection: GuestConnection;
  readonly host: RecordedHost;
}

describe("GuestConnection, against recordings of the reference guest", () => {
  let sockets: TestSockets;
  const connections: GuestConnection[] = [];

  beforeEach(() => {
    sockets = new TestSockets();
  });

  afterEach(async () => {
    for (const connection of connections.splice(0)) await connection.close();
    await sockets.dispose();
  });

  /** Plays `frames` on a connection of their own. The guest hangs up at the end when `hangsUp`. */
  async function replay(frames: readonly RecordedFrame[], hangsUp: boolean): Promise<Replayed> {
    const pair = await sockets.pair();
    const guest = new RecordedGuest(new ScriptedGuest(pair.guest), sockets);
    const connection = GuestConnection.open(pair.host, { os: "linux", name: "vm", listen: sockets.listen });
    connections.push(connection);
    const host = new RecordedHost(connection);
    const playable = waitingAtOnce(withoutGarbage(frames));
    const own = ownWaits(playable);
    const drive = async () => {
      for (const frame of playable) {
        if (frame.direction === "guest->host" || own.has(frame)) continue;
        const response = playable.find(
          (other) => other.direction !== frame.direction && other.id === frame.id,
        );
        await host.send(messageName(Number(frame.type))!, frame.body, response?.body);
      }
    };
    // Together, so that a mismatch is the failure and not the silence that follows from it.
    await Promise.all([guest.play(playable), drive()]);
    if (hangsUp) pair.guest.end();
    return { connection, host };
  }

  for (const name of ["negotiate", "errors"]) {
    it(`${name}: every failure arrives with its result code`, async () => {
      const { connection } = await replay(readRecording(name), false);
      await connection.close();
      assert.deepEqual(await connection.closed, { cause: "closed" });
    });
  }

  it("lcow-pod-lifecycle: a pod with a workload and an exec", async () => {
    const { connection, host } = await replay(withoutPowerOff(readRecording("lcow-pod-lifecycle")), false);
    const codes = await Promise.all([...host.processes.values()].map((process) => process.exited));
    assert.deepEqual(
      codes.map(({ exitCode }) => exitCode),
      [137, 3, 7],
    );
    const ends = await Promise.all([...host.containers.values()].map((container) => container.exited));
    assert.deepEqual(
      ends.map(({ type }) => type),
      ["ForcedExit", "UnexpectedExit"],
    );
    await connection.close();
    await closeAll(host);
    assert.deepEqual(sockets.open, []);
  });

  it("lcow-pod-lifecycle: a guest that powers off answers nothing and hangs up", async () => {
    const recording = readRecording("lcow-pod-lifecycle");
    const frames = [...recording.slice(0, 2), ...recording.slice(-1)];
    const pair = await sockets.pair();
    const guest = new RecordedGuest(new ScriptedGuest(pair.guest), sockets);
    const connection = GuestConnection.open(pair.host, { os: "linux", name: "vm", listen: sockets.listen });
    connections.push(connection);
    const played = guest.play(frames).then(() => pair.guest.end());
    await connection.negotiate();
    await assert.rejects(connection.request("ShutdownForced", { ContainerId: NULL_CONTAINER_ID }), {
      name: "HcsError",
      symbol: "HCS_E_CONNECTION_CLOSED",
      message: /^cannot terminate guest "vm": .*the guest closed the connection/,
    });
    await played;
    assert.equal((await connection.closed).cause, "lost");
  });

  it("tty-resize-signal: a terminal is resized, signalled and killed", async () => {
    const { host } = await replay(readRecording("tty-resize-signal"), false);
    const [process] = host.processes.values();
    assert.deepEqual(await process!.exited, { exitCode: 137 });
    const [container] = host.containers.values();
    assert.deepEqual(await container!.exited, { type: "ForcedExit" });
    await closeAll(host);
    assert.deepEqual(sockets.open, []);
  });

  it("uvm-process: processes of the VM itself", async () => {
    const { host } = await replay(readRecording("uvm-process"), false);
    const codes = await Promise.all([...host.processes.values()].map((process) => process.exited));
    assert.deepEqual(codes, [{ exitCode: 5 }, { exitCode: 0 }]);
    await closeAll(host);
    assert.deepEqual(sockets.open, []);
  });

  it("reconnect: a dropped connection ends its calls, a new one ignores their late answers", async () => {
    const recording = readRecording("reconnect");
    const second = recording.findIndex((frame) => frame.seq === 12);
    const first = await replay(recording.slice(0, second), true);
    assert.equal((await first.connection.closed).cause, "lost");
    for (const process of first.host.processes.values()) {
      await assert.rejects(process.exited, { symbol: "HCS_E_CONNECTION_CLOSED" });
    }
    const [container] = first.host.containers.values();
    assert.deepEqual(await container!.exited, { type: "ConnectionLost" });

    const { connection } = await replay(recording.slice(second), false);
    assert.equal(await Promise.race([connection.closed, Promise.resolve("open")]), "open");
  });

  it("covers every recording there is", () => {
    const files = readdirSync(join(process.cwd(), "test/golden/gcs")).filter((file) =>
      file.endsWith(".json"),
    );
    assert.deepEqual([...RECORDINGS].map((name) => `${name}.json`).sort(), files.sort());
  });
});

/** Frames that no client can send, and the answers to them. */
function withoutGarbage(frames: readonly RecordedFrame[]): readonly RecordedFrame[] {
  const garbage = frames.filter((frame) => "_raw" in frame.body).map((frame) => frame.id);
  return frames.filter((frame) => !garbage.includes(frame.id));
}

function withoutPowerOff(frames: readonly RecordedFrame[]): readonly RecordedFrame[] {
  return frames.slice(0, -1);
}

/** The answer after which a host that creates a process waits for it. */
function createdProcess(frame: RecordedFrame): unknown {
  return frame.type_name === "Response(ExecuteProcess)" ? frame.body["ProcessId"] : undefined;
}

function isWaitFor(frame: RecordedFrame, processId: unknown): boolean {
  const { ProcessId, TimeoutInMs } = frame.body;
  return (
    frame.type_name === "Request(WaitForProcess)" && ProcessId === processId && TimeoutInMs === WAIT_FOREVER
  );
}

/** A shim waits for a process as soon as it was created; the recording host sometimes did it later or never. */
function waitingAtOnce(frames: readonly RecordedFrame[]): readonly RecordedFrame[] {
  const own = ownWaits(frames);
  return frames.filter((frame) => !own.has(frame)).flatMap((frame) => [frame, ...waitAfter(frame, frames)]);
}

function ownWaits(frames: readonly RecordedFrame[]): ReadonlySet<RecordedFrame> {
  return new Set(frames.flatMap((frame) => waitAfter(frame, frames)));
}

function waitAfter(frame: RecordedFrame, frames: readonly RecordedFrame[]): RecordedFrame[] {
  const processId = createdProcess(frame);
  if (processId === undefined) return [];
  const recorded = frames.find((other) => isWaitFor(other, processId));
  if (recorded !== undefined) return [recorded];
  const creation = frames.find((other) => other.direction === "host->guest" && other.id === frame.id)!;
  const { ContainerId } = creation.body;
  return [
    {
      ...creation,
      type: "0x10100601",
      type_name: "Request(WaitForProcess)",
      id: -1,
      body: { ContainerId, ProcessId: processId, TimeoutInMs: WAIT_FOREVER },
    },
  ];
}

async function closeAll(host: RecordedHost): Promise<void> {
  for (const process of host.processes.values()) await process.close();
}
