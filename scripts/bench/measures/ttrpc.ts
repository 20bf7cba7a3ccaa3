/**
 * The protocol by itself, as load on the shim of an idle task. The client is as simple as can be – frames made beforehand,
 * answers counted and not read – so that what is measured is the server.
 */
import { readFileSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { ConnectRequest, StateRequest } from "../../../protos/gen/task-v2.ts";
import { Request } from "../../../protos/gen/ttrpc.ts";
import { effort, type Bench } from "../measure.ts";
import { addressOfTask, shimOf, type Subject } from "../subjects.ts";

const HEADER = 10;
const SERVICE = "containerd.task.v2.Task";
const MIB = 1 << 20;
/** Bytes 8 and 9 of a frame's header: type 1, no flags. */
const REQUEST_WITHOUT_FLAGS = 0x0100;

/** Request frames with the same body, one behind the other, as they are sent: made before anything is measured. */
class Frames {
  readonly #bytes: Buffer;
  readonly #frameLength: number;

  constructor(count: number, body: Uint8Array) {
    this.#frameLength = HEADER + body.length;
    this.#bytes = Buffer.allocUnsafe(count * this.#frameLength);
    for (let index = 0, at = 0; index < count; index += 1, at += this.#frameLength) {
      this.#bytes.writeUInt32BE(body.length, at);
      this.#bytes.writeUInt32BE(index * 2 + 1, at + 4);
      this.#bytes.writeUInt16BE(REQUEST_WITHOUT_FLAGS, at + 8);
      this.#bytes.set(body, at + HEADER);
    }
  }

  slice(from: number, to: number): Buffer {
    return this.#bytes.subarray(from * this.#frameLength, to * this.#frameLength);
  }
}

/** Counts the frames of what arrives, and looks at nothing but their lengths. */
class Answers {
  /** Of a frame whose header has not arrived whole. */
  readonly #head = Buffer.alloc(HEADER);
  #headBytes = 0;
  /** Bytes to come of a frame whose header has. */
  #skip = 0;

  /** How many frames end in this chunk. */
  count(chunk: Buffer): number {
    let frames = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, chunk.length - at);
        this.#skip -= taken;
        at += taken;
      } else if (this.#headBytes === 0 && chunk.length - at >= HEADER) {
        this.#skip = chunk.readUInt32BE(at);
        at += HEADER;
      } else {
        this.#head[this.#headBytes++] = chunk[at++] ?? 0;
        if (this.#headBytes < HEADER) continue;
        this.#headBytes = 0;
        this.#skip = this.#head.readUInt32BE(0);
      }
      if (this.#skip === 0) frames += 1;
    }
    return frames;
  }
}

interface Load {
  readonly calls: number;
  /** Calls under way at the same time. */
  readonly depth: number;
  /** Whether requests that are due together leave in one write. */
  readonly together: boolean;
  readonly body: Uint8Array;
}

interface Outcome {
  readonly seconds: number;
  /** Of each answer, since the request before it; meaningful at depth 1. Milliseconds. */
  readonly latencies: readonly number[];
}

async function drive(path: string, load: Load): Promise<Outcome> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const dialling = connect(path, () => resolve(dialling));
    dialling.once("error", reject);
  });
  const frames = new Frames(load.calls, load.body);
  const answers = new Answers();
  const latencies: number[] = [];
  let [sent, answered, sentAt] = [0, 0, 0];
  const send = (count: number): void => {
    const end = Math.min(load.calls, sent + count);
    if (end === sent) return;
    sentAt = performance.now();
    if (load.together) socket.write(frames.slice(sent, end));
    else for (let next = sent; next < end; next += 1) socket.write(frames.slice(next, next + 1));
    sent = end;
  };
  const started = performance.now();
  await new Promise<void>((resolve, reject) => {
    socket.on("data", (chunk) => {
      const count = answers.count(chunk);
      answered += count;
      if (load.depth === 1 && count > 0) latencies.push(performance.now() - sentAt);
      if (answered === load.calls) resolve();
      else send(count);
    });
    socket.once("close", () => reject(new Error(`the shim at ${path} closed the connection`)));
    socket.once("error", reject);
    send(load.depth);
  });
  const seconds = (performance.now() - started) / 1000;
  socket.removeAllListeners("close").destroy();
  return { seconds, latencies };
}

function request(method: string, payload: Uint8Array): Uint8Array {
  return Request.encode({ service: SERVICE, method, payload });
}

function stateOf(id: string): Uint8Array {
  return request("State", StateRequest.encode({ id }));
}

/** CPU time of all threads of a process, in microseconds (proc(5): schedstat). */
function cpuMicroseconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const of = (task: string): number =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  return tasks.reduce((sum, task) => sum + of(task), 0) / 1000;
}

const SEQUENTIAL = { full: 10_000, quick: 2000 };
const PIPELINED = { full: 50_000, quick: 10_000 };

export async function callLatency(subject: Subject, bench: Bench): Promise<number> {
  const load = {
    calls: effort(bench, SEQUENTIAL),
    depth: 1,
    together: true,
    body: stateOf(subject.idleTask),
  };
  const { latencies } = await drive(await addressOfTask(subject, subject.idleTask), load);
  const sorted = [...latencies].sort((one, other) => one - other);
  return (sorted[sorted.length >> 1] ?? NaN) * 1000;
}

export async function callCpu(subject: Subject, bench: Bench): Promise<number> {
  const calls = effort(bench, SEQUENTIAL);
  const pid = await shimOf(subject, subject.idleTask);
  const path = await addressOfTask(subject, subject.idleTask);
  const before = cpuMicroseconds(pid);
  await drive(path, { calls, depth: 1, together: true, body: stateOf(subject.idleTask) });
  return (cpuMicroseconds(pid) - before) / calls;
}

function pipelined(depth: number, together: boolean): (subject: Subject, bench: Bench) => Promise<number> {
  return async (subject, bench) => {
    const load = { calls: effort(bench, PIPELINED), depth, together, body: stateOf(subject.idleTask) };
    const { seconds } = await drive(await addressOfTask(subject, subject.idleTask), load);
    return load.calls / seconds;
  };
}

/** As Go's client writes: each request by itself. */
export const goLike = (depth: number): ReturnType<typeof pipelined> => pipelined(depth, false);
/** As much as possible in each write. */
export const rawLoad = (depth: number): ReturnType<typeof pipelined> => pipelined(depth, true);

const LARGE = { full: 256, quick: 64 };

/** `Connect` for an id of that length, which no task has: a request that only has to be taken in. */
export function large(bytes: number): (subject: Subject, bench: Bench) => Promise<number> {
  return async (subject, bench) => {
    const calls = Math.ceil((effort(bench, LARGE) * MIB) / bytes);
    const body = request("Connect", ConnectRequest.encode({ id: "x".repeat(bytes) }));
    const load = { calls, depth: 4, together: false, body };
    const { seconds } = await drive(await addressOfTask(subject, subject.idleTask), load);
    return (calls * bytes) / MIB / seconds;
  };
}
