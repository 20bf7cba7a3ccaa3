/**
 * Replays what a host said to the reference Linux guest (test/golden/gcs) against the emulated one, and compares the
 * answers: order, results, members. Not compared: pids, statistics, texts of errors.
 *
 * The replay attaches no disks. Where the recording mounts one (`MappedVirtualDisk`), the replay mounts a shared
 * directory at the same place instead; `VPMemDevice` and `SCSIDevice` go out as recorded.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { LINUX_GUEST_PORT } from "../../hcs/schema/hv-socket.ts";
import { addNetworkNamespace, GuestFixture, HostStream } from "../support/guest-fixture.ts";
import { GuestBridge, type ReceivedFrame } from "../support/guest-bridge.ts";
import { skipWithoutGuest, type PortListener } from "../support/guest-harness.ts";
import { until } from "../support/until.ts";
import { readRecording, RECORDINGS, type RecordedFrame } from "../unit/hcs/guest/recordings.ts";

type Body = Record<string, unknown>;

/** NIC of the recordings. */
const NIC = "11f0aa22-33bb-44cc-55dd-66ee77ff8899";

/** What the recorded workload read from its input. */
const INPUT = "hello stdin\n";

/** The first frame of a recording's second connection. */
const RECONNECT: Readonly<Partial<Record<string, number>>> = { reconnect: 12 };

/** Members whose values differ from run to run. */
const VARIABLE = new Set(["ProcessId", "ErrorMessage", "ErrorRecords", "Properties"]);
/** Members of error records that only some guests fill in. */
const OPTIONAL = new Set(["StackTrace", "FunctionName", "FileName", "Line", "Message"]);

interface Streams {
  readonly stdin: Promise<{ end(text: string): unknown }>[];
  readonly outputs: Promise<HostStream>[];
}

class Replay {
  readonly #guest: GuestFixture;
  bridge: GuestBridge;
  #seen = 0;
  /** Actual pid by recorded pid. */
  readonly #pids = new Map<number, number>();
  readonly #streams = new Map<number, Streams>();
  /** Recorded requests by id: what a response belongs to. */
  readonly #requests = new Map<number, { name: string; body: Body; streams?: Streams }>();

  constructor(guest: GuestFixture) {
    this.#guest = guest;
    this.bridge = guest.bridge;
  }

  /** Drops the connection, and takes the one that the guest makes then. */
  async reconnect(): Promise<void> {
    const listener = await this.#guest.harness.listen(LINUX_GUEST_PORT.bridge);
    await this.bridge.close();
    this.bridge = new GuestBridge(await listener.connection);
    this.#guest.bridge = this.bridge;
    this.#seen = 0;
  }

  async send(frame: RecordedFrame): Promise<void> {
    const raw = frame.body["_raw"];
    const body = typeof raw === "string" ? {} : this.#translate(frame.body);
    const request = { name: frame.type_name, body: frame.body };
    const streams = frame.type_name.includes("ExecuteProcess") ? await this.#listen(body) : undefined;
    this.#requests.set(frame.id, streams === undefined ? request : { ...request, streams });
    const text = typeof raw === "string" ? raw : JSON.stringify(body);
    this.bridge.sendAs(BigInt(frame.id), Number(frame.type), text);
  }

  /** Recorded pids to actual ones, disks to directories. */
  #translate(body: Body): Body {
    const text = JSON.stringify(body).replace(/\/proc\/(\d+)\//g, (whole, pid: string) => {
      const actual = this.#pids.get(Number(pid));
      return actual === undefined ? whole : `/proc/${actual}/`;
    });
    const translated = JSON.parse(text) as Body;
    const pid = this.#pids.get(translated["ProcessId"] as number);
    if (pid !== undefined) translated["ProcessId"] = pid;
    const request = translated["Request"] as Body | undefined;
    if (request?.["ResourceType"] === "MappedVirtualDisk") {
      const { MountPath, Lun } = request["Settings"] as { MountPath: string; Lun: number };
      request["ResourceType"] = "MappedDirectory";
      request["Settings"] = { MountPath, ShareName: `disk${Lun}`, Port: LINUX_GUEST_PORT.plan9 };
    }
    return translated;
  }

  async #listen(body: Body): Promise<Streams> {
    const { VsockStdioRelaySettings: ports } = body["Settings"] as {
      VsockStdioRelaySettings: Record<string, number>;
    };
    const streams: Streams = { stdin: [], outputs: [] };
    for (const [name, port] of Object.entries(ports)) {
      const { connection }: PortListener = await this.#guest.harness.listen(port);
      if (name === "StdIn") streams.stdin.push(connection.then((socket) => socket.resume()));
      else streams.outputs.push(connection.then((socket) => new HostStream(socket)));
    }
    return streams;
  }

  async expect(frame: RecordedFrame): Promise<void> {
    await this.#prepare(frame);
    const what = `frame ${frame.seq}, ${frame.type_name} ${frame.id}`;
    const actual = await until(what, () => this.bridge.received[this.#seen]);
    this.#seen += 1;
    assert.equal(`0x${actual.type.toString(16)}`, frame.type, what);
    assert.equal(actual.id, BigInt(frame.id), what);
    this.#compare(actual, frame.body, what);
    this.#learn(actual, frame);
  }

  /** Does what the recorded host did without a frame before this answer came. */
  async #prepare(frame: RecordedFrame): Promise<void> {
    const request = this.#requests.get(frame.id);
    const body = frame.body;
    if (request?.name !== "Request(WaitForProcess)" || body["Result"] !== 0) return;
    const streams = this.#streams.get(request.body["ProcessId"] as number);
    for (const stdin of streams?.stdin ?? []) (await stdin).end(INPUT);
    for (const output of streams?.outputs ?? []) void (await output).finish();
  }

  #compare(actual: ReceivedFrame, recorded: Body, what: string): void {
    const members = Object.keys(actual.body).sort();
    assert.deepEqual(members, Object.keys(recorded).sort(), `${what}: ${JSON.stringify(actual.body)}`);
    for (const [key, value] of Object.entries(recorded)) {
      if (!VARIABLE.has(key)) assert.deepEqual(actual.body[key], value, `${what}: ${key}`);
    }
    const record = (actual.body["ErrorRecords"] as Body[] | undefined)?.[0];
    const expected = (recorded["ErrorRecords"] as Body[] | undefined)?.[0];
    assert.deepEqual(required(record), required(expected), what);
    if (typeof recorded["Properties"] !== "string") return;
    const keys = (text: unknown): string[] => Object.keys(JSON.parse(text as string) as Body);
    assert.deepEqual(keys(actual.body["Properties"]), keys(recorded["Properties"]), what);
  }

  #learn(actual: ReceivedFrame, frame: RecordedFrame): void {
    const recorded = frame.body["ProcessId"];
    if (typeof recorded !== "number") return;
    this.#pids.set(recorded, actual.body["ProcessId"] as number);
    const streams = this.#requests.get(frame.id)?.streams;
    if (streams !== undefined) this.#streams.set(recorded, streams);
  }
}

function required(record: Body | undefined): Body | undefined {
  return record && Object.fromEntries(Object.entries(record).filter(([key]) => !OPTIONAL.has(key)));
}

describe("guest: recordings of the reference guest", function () {
  before(function () {
    skipWithoutGuest(this);
  });

  for (const name of RECORDINGS) {
    it(`answers ${name}.json as recorded`, async () => {
      const guest = await GuestFixture.boot();
      try {
        await prepareGuest(guest);
        const replay = new Replay(guest);
        await replay.reconnect();
        for (const frame of readRecording(name)) {
          if (frame.seq === RECONNECT[name]) await replay.reconnect();
          if (frame.direction === "host->guest") await replay.send(frame);
          else await replay.expect(frame);
        }
      } finally {
        await guest.stop();
      }
    }).timeout(30_000);
  }
});

/** What the recorded guest had: a disk with a layer, an empty one, a directory with a layer, a NIC. */
async function prepareGuest(guest: GuestFixture): Promise<void> {
  const { harness } = guest;
  const scratch = join(harness.directory, "scratch");
  mkdirSync(scratch);
  harness.share("disk1", join(harness.directory, "rootfs"));
  harness.share("disk2", scratch);
  await guest.modify("Add", "MappedDirectory", {
    MountPath: "/run/layers/dir0",
    ShareName: "base",
    ReadOnly: true,
  });
  await addNetworkNamespace(harness, NIC);
}
