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

function frame(streamId: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32BE(body.length, 0);
  head.writeUInt32BE(streamId, 4);
  head[8] = 1;
  return Buffer.concat([head, body]);
}

/** Counts the frames of what arrives. */
class Answers {
  /** Of the frame whose end has not arrived; its header may be incomplete too. */
  #head = Buffer.alloc(0);
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
        if (this.#skip === 0) frames += 1;
        continue;
      }
      const taken = Math.min(HEADER - this.#head.length, chunk.length - at);
      this.#head = Buffer.concat([this.#head, chunk.subarray(at, at + taken)]);
      at += taken;
      if (this.#head.length < HEADER) break;
      this.#skip = this.#head.readUInt32BE(0);
      this.#head = Buffer.alloc(0);
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
  const answers = new Answers();
  const latencies: number[] = [];
  let [sent, answered, sentAt] = [0, 0, 0];
  const send = (count: number): void => {
    const due: Buffer[] = [];
    for (; count > 0 && sent < load.calls; count -= 1, sent += 1) due.push(frame(sent * 2 + 1, load.body));
    if (due.length === 0) return;
    sentAt = performance.now();
    if (load.together) socket.write(Buffer.concat(due));
    else for (const one of due) socket.write(one);
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
