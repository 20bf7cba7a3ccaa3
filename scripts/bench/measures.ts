/** What is measured, as data: one row says how to take one value for one shim. */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isConnectionClosed } from "../../shim/ttrpc/index.ts";
import type { Containerd } from "../../test/support/containerd.ts";
import { listProcesses, proportionalMemory } from "../../test/support/proc.ts";
import { findShim } from "../../test/support/shim-process.ts";
import { until } from "../../test/support/until.ts";
import { type Subject, addressOfTask, connectTask } from "./subjects.ts";

/** What a measurement works with. */
export interface Bench {
  readonly containerd: Containerd;
  /** A task of this subject that idles for the whole run. */
  readonly idleTask: string;
  /** A number nobody else got, for names. */
  readonly serial: number;
  readonly quick: boolean;
}

/** One row of the table. */
export interface Measure {
  readonly name: string;
  readonly unit: "ms" | "MiB" | "calls/s" | "MiB/s";
  readonly better: "lower" | "higher";
  /** How often a value is taken, alternating between the shims; fewer in a quick run. */
  readonly rounds: { readonly full: number; readonly quick: number };
  take(bench: Bench, subject: Subject): Promise<number>;
}

const CALLS = { full: 3000, quick: 500 };
const PIPELINED_CALLS = { full: 30_000, quick: 5000 };
/** Calls under way at the same time in the pipelined measurement. */
const PIPELINE_DEPTH = 64;
const STREAM_MIB = { full: 512, quick: 64 };

export const MEASURES: readonly Measure[] = [
  {
    name: "start of a shim",
    unit: "ms",
    better: "lower",
    rounds: { full: 15, quick: 3 },
    take: startLatency,
  },
  {
    name: "ctr run --rm of true",
    unit: "ms",
    better: "lower",
    rounds: { full: 11, quick: 3 },
    take: runLatency,
  },
  {
    name: "ctr exec of true",
    unit: "ms",
    better: "lower",
    rounds: { full: 11, quick: 3 },
    take: execLatency,
  },
  {
    name: "shim memory (PSS), idle task",
    unit: "MiB",
    better: "lower",
    rounds: { full: 3, quick: 1 },
    take: shimMemory,
  },
  {
    name: "memory with utility VM",
    unit: "MiB",
    better: "lower",
    rounds: { full: 3, quick: 1 },
    take: podMemory,
  },
  {
    name: "ttrpc State, one by one",
    unit: "calls/s",
    better: "higher",
    rounds: { full: 5, quick: 2 },
    take: sequentialCalls,
  },
  {
    name: `ttrpc State, ${PIPELINE_DEPTH} at once`,
    unit: "calls/s",
    better: "higher",
    rounds: { full: 5, quick: 2 },
    take: pipelinedCalls,
  },
  {
    name: "stdout to a client",
    unit: "MiB/s",
    better: "higher",
    rounds: { full: 3, quick: 1 },
    take: streamThroughput,
  },
];

/** From starting the executable until it has printed the address and ended. */
async function startLatency({ containerd, serial }: Bench, subject: Subject): Promise<number> {
  const id = `start-${serial}`;
  const bundle = join(containerd.directory, "bench", id);
  await mkdir(join(bundle, "rootfs"), { recursive: true });
  await writeFile(join(bundle, "config.json"), JSON.stringify({ ociVersion: "1.0.2", linux: {} }));
  const args = [
    ...["-namespace", containerd.namespace],
    ...["-address", containerd.address],
    ...["-publish-binary", join(containerd.installation.directory, "containerd")],
    ...["-id", id, "start"],
  ];
  const started = performance.now();
  const child = spawn(subject.program(containerd), args, {
    cwd: bundle,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, TTRPC_ADDRESS: containerd.ttrpcAddress, RUNHCS_CONFIG: containerd.nodeFile },
  });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const elapsed = performance.now() - started;
  const answer = Buffer.concat(said).toString("utf8").trim();
  if (code !== 0) throw new Error(`cannot start ${subject.name}: exit status ${String(code)}: ${answer}`);
  const address = answer.startsWith("{") ? (JSON.parse(answer) as { address: string }).address : answer;
  const task = await connectTask(address.replace("unix://", ""));
  // The Go shim ends before it has answered.
  await task.shutdown(id).catch((error: unknown) => {
    if (!isConnectionClosed(error)) throw error;
  });
  await task.client.closed;
  return elapsed;
}

async function runLatency({ containerd, serial }: Bench, subject: Subject): Promise<number> {
  const started = performance.now();
  const result = await containerd
    .ctr()
    .run(`run-${serial}`, { args: ["true"], runtime: subject.runtime.type });
  if (result.code !== 0) throw new Error(`cannot run a task by ${subject.name}: ${result.stderr}`);
  return performance.now() - started;
}

async function execLatency({ containerd, idleTask, serial }: Bench, subject: Subject): Promise<number> {
  const started = performance.now();
  const result = await containerd.ctr().exec(idleTask, `exec-${serial}`, ["true"]);
  if (result.code !== 0) throw new Error(`cannot exec by ${subject.name}: ${result.stderr}`);
  return performance.now() - started;
}

const MIB = 1 << 20;

async function shimMemory({ containerd, idleTask }: Bench): Promise<number> {
  return proportionalMemory(await findShim(containerd.address, idleTask)) / MIB;
}

/** The shim and, where it has one, the process that stands for its utility VM, without the container's own. */
async function podMemory(bench: Bench): Promise<number> {
  const { containerd, idleTask } = bench;
  const shim = await findShim(containerd.address, idleTask);
  const processes = listProcesses();
  const children = (parent: number): number[] =>
    processes.filter((one) => one.parent === parent).flatMap(({ pid }) => [pid, ...children(pid)]);
  const isWorker = (pid: number): boolean =>
    processes.some(
      (one) => one.pid === pid && one.arguments.some((word) => word.includes(containerd.emulatorDirectory)),
    );
  const workers = children(shim).filter(isWorker);
  return [shim, ...workers].reduce((sum, pid) => sum + proportionalMemory(pid), 0) / MIB;
}

async function sequentialCalls({ containerd, idleTask, quick }: Bench): Promise<number> {
  const task = await connectTask(await addressOfTask(containerd, idleTask));
  const count = quick ? CALLS.quick : CALLS.full;
  const started = performance.now();
  for (let call = 0; call < count; call += 1) await task.state(idleTask);
  const seconds = (performance.now() - started) / 1000;
  await task.client.close();
  return count / seconds;
}

async function pipelinedCalls({ containerd, idleTask, quick }: Bench): Promise<number> {
  const task = await connectTask(await addressOfTask(containerd, idleTask));
  const count = quick ? PIPELINED_CALLS.quick : PIPELINED_CALLS.full;
  let issued = 0;
  const lane = async (): Promise<void> => {
    while (issued < count) {
      issued += 1;
      await task.state(idleTask);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: PIPELINE_DEPTH }, lane));
  const seconds = (performance.now() - started) / 1000;
  await task.client.close();
  return count / seconds;
}

/** From the first byte a client gets to the last, so that starting the command does not count. */
async function streamThroughput(
  { containerd, idleTask, serial, quick }: Bench,
  subject: Subject,
): Promise<number> {
  const size = quick ? STREAM_MIB.quick : STREAM_MIB.full;
  const ctr = containerd.ctr();
  const command = ["dd", "if=/dev/zero", "bs=1M", `count=${size}`];
  let [bytes, first, last] = [0, 0, 0];
  const running = ctr.start(ctr.execArguments(idleTask, `stream-${serial}`, command), {
    onOutput: (chunk) => {
      last = performance.now();
      first ||= last;
      bytes += chunk.length;
    },
  });
  running.stdin.end();
  const result = await running.wait();
  if (bytes !== size * MIB)
    throw new Error(`cannot stream by ${subject.name}: got ${bytes} bytes: ${result.stderr}`);
  await until("the exec to be gone", () => !running.isRunning);
  return size / ((last - first) / 1000);
}
