/**
 * How fast files get into a container and out of it. Ours go over its agent, by `hcsctl cp`, which checks what it copies; beside it `tar`
 * through a process of the container, and gRPC that moves bytes and writes no files.
 */
import { Client, credentials } from "@grpc/grpc-js";
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { RunningCommand } from "../../../test/support/command.ts";
import { CHANNEL_OPTIONS, COUNT_PATH } from "../grpc-peer.ts";
import { effort, type Bench } from "../measure.ts";
import type { Subject } from "../subjects.ts";

const MIB = 1 << 20;
const HCSCTL = join(import.meta.dirname, "../../../dist/bin/hcsctl");
const PEER = join(import.meta.dirname, "../grpc-peer.ts");
const LARGE_MIB = { full: 1024, quick: 128 };
const MANY = { full: 20_000, quick: 2000 };
const SMALL_BYTES = 4096;
const CHUNK_BYTES = 256 << 10;

export type Amount = "large" | "many";

/** MiB a second of one large file, thousands of small files a second. */
export function copied(
  amount: Amount,
  direction: "in" | "out",
): (subject: Subject, bench: Bench) => Promise<number> {
  return async (subject, bench) => {
    const source = sourceOf(subject, amount, bench);
    const id = await containerOf(subject);
    const copy = subject.name === "go" ? byTar : byAgent;
    await script(subject, bench, id, "rm -rf /copied && mkdir /copied");
    const into = await copy(subject, bench, id, { direction: "in", local: source });
    if (direction === "in") {
      await verify(subject, bench, id, source);
      return rate(amount, bench, into);
    }
    const local = join(subject.containerd.directory, "copied-back");
    rmSync(local, { recursive: true, force: true });
    mkdirSync(local);
    const outOf = await copy(subject, bench, id, { direction: "out", local });
    const [sent, came] = [filesIn(source), filesIn(local)];
    rmSync(local, { recursive: true });
    if (sent !== came) throw new Error(`cannot copy out: ${came} of ${sent} files came back`);
    return rate(amount, bench, outOf);
  };
}

function rate(amount: Amount, bench: Bench, ms: number): number {
  return effort(bench, amount === "large" ? LARGE_MIB : MANY) / (ms / 1000);
}

interface Copy {
  readonly direction: "in" | "out";
  readonly local: string;
}

async function byAgent({ containerd }: Subject, _bench: Bench, id: string, copy: Copy): Promise<number> {
  const inside = `${id}:/copied`;
  const places = copy.direction === "in" ? [copy.local, inside] : [inside, copy.local];
  const flags = ["--address", containerd.address, "--namespace", containerd.namespace];
  const env = { ...process.env, RUNHCS_CONFIG: containerd.nodeFile };
  return timed(new RunningCommand(HCSCTL, ["cp", ...flags, ...places], { env }));
}

async function byTar({ containerd }: Subject, bench: Bench, id: string, copy: Copy): Promise<number> {
  const ctr = containerd.ctr();
  const isIn = copy.direction === "in";
  const inside = ["tar", "-C", "/copied", isIn ? "-xf" : "-cf", "-", ...(isIn ? [] : ["."])];
  const through = ctr
    .commandLine(ctr.execArguments(id, `tar-${bench.serial}-${copy.direction}`, inside))
    .join(" ");
  const line = isIn
    ? `tar -C '${copy.local}' -cf - . | ${through}`
    : `${through} | tar -C '${copy.local}' -xf -`;
  return timed(new RunningCommand("sh", ["-c", line]));
}

async function timed(command: RunningCommand): Promise<number> {
  const started = performance.now();
  const { code, stderr } = await command.wait();
  const elapsed = performance.now() - started;
  if (code !== 0) throw new Error(`cannot copy: exit status ${String(code)}: ${stderr}`);
  return elapsed;
}

/** Plain gRPC between two processes: MiB a second of what one large file has. For ours, the same file by the agent. */
export async function streamedPlain(subject: Subject, bench: Bench): Promise<number> {
  if (subject.name !== "go") return copied("large", "in")(subject, bench);
  const socket = join(subject.containerd.directory, `grpc-${bench.serial}`);
  const server = fork(PEER, [socket], { execArgv: ["--import", "tsx"] });
  try {
    await once(server, "message");
    const client = new Client(`unix:${socket}`, credentials.createInsecure(), CHANNEL_OPTIONS);
    try {
      return await sendPlain(client, effort(bench, LARGE_MIB) * MIB);
    } finally {
      client.close();
    }
  } finally {
    const ended = once(server, "exit");
    server.kill();
    await ended;
  }
}

async function sendPlain(client: Client, bytes: number): Promise<number> {
  const asIs = (message: Buffer): Buffer => message;
  const chunk = randomBytes(CHUNK_BYTES);
  const started = performance.now();
  const call = client.makeBidiStreamRequest(COUNT_PATH, asIs, asIs);
  for (let sent = 0; sent < bytes; sent += chunk.length) if (!call.write(chunk)) await once(call, "drain");
  call.end();
  // To its end: a call whose server is stopped before that fails later, where nobody waits for it.
  const answer = Buffer.concat((await call.toArray()) as Buffer[]).toString();
  const elapsed = performance.now() - started;
  if (Number(answer) !== bytes) throw new Error(`cannot stream: ${answer} bytes came`);
  return bytes / MIB / (elapsed / 1000);
}

/** Made once for each amount. */
function sourceOf({ containerd }: Subject, amount: Amount, bench: Bench): string {
  const directory = join(containerd.directory, `source-${amount}`);
  if (existsSync(directory)) return directory;
  mkdirSync(directory);
  if (amount === "large") {
    const file = openSync(join(directory, "large"), "w");
    const block = randomBytes(MIB);
    for (let count = effort(bench, LARGE_MIB); count > 0; count -= 1) writeSync(file, block);
    closeSync(file);
    return directory;
  }
  const content = randomBytes(SMALL_BYTES);
  for (let count = effort(bench, MANY) - 1; count >= 0; count -= 1) {
    const folder = join(directory, String(count % 100));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${count}`), content);
  }
  return directory;
}

/** A container to copy into: ours has the agent, which has no place on this machine yet. */
async function containerOf(subject: Subject): Promise<string> {
  const { containerd, name, runtimeType, idleTask } = subject;
  if (name === "go") return idleTask;
  const id = `copies-${name}`;
  if (containerd.taskIds.has(id)) return id;
  const store = join(containerd.directory, "agents");
  const audit = join(containerd.directory, "audit.log");
  appendFileSync(containerd.nodeFile, `\n[agent]\nstore = "${store}"\n[audit]\nfile = "${audit}"\n`);
  const annotations = { "io.containerd.runhcs.agent.enabled": "true" };
  await containerd.ctr().runDetached(id, { args: ["sleep", "100000"], runtime: runtimeType, annotations });
  return id;
}

async function script({ containerd }: Subject, { serial }: Bench, id: string, text: string): Promise<string> {
  const { code, stdout, stderr } = await containerd
    .ctr()
    .exec(id, `copies-${serial}-${performance.now()}`, ["sh", "-c", text]);
  if (code !== 0) throw new Error(`cannot run "${text}" in ${id}: ${stderr}`);
  return String(stdout).trim();
}

async function verify(subject: Subject, bench: Bench, id: string, source: string): Promise<void> {
  const came = Number(await script(subject, bench, id, "find /copied -type f | wc -l"));
  if (came !== filesIn(source)) throw new Error(`cannot copy in: ${came} of ${filesIn(source)} files came`);
}

function filesIn(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) =>
    statSync(join(directory, path)).isFile(),
  ).length;
}
