/** One process and its output, from spawn to the end of everything it has started. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import {
  ExecResultCause,
  StdioChunkStream,
  type ExecResult,
  type StdioChunk,
} from "../../../protos/gen/agent.ts";
import { startDeadline, systemClock } from "../../clock.ts";
import { AgentError } from "../protocol/errors.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { ProcessTree, ProcessTrees } from "./process-trees.ts";

export interface JobRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** 0: none. */
  readonly timeoutMs: number;
  /** Of each stream. */
  readonly stdioBytes: number;
}

export interface JobContext {
  readonly trees: ProcessTrees;
  /** Takes a piece of output; resolves when more may come. */
  readonly send: (chunk: StdioChunk) => Promise<void>;
  /** The caller has gone. */
  readonly signal: AbortSignal;
}

/** How long output may keep open after the last process of a job, ms: then somebody else has it. */
const OUTPUT_LIMIT_MS = 5000;

/** @throws {AgentError} failed precondition: the program could not be run, which never looks like one that has */
export async function runJob(request: JobRequest, { trees, send, signal }: JobContext): Promise<ExecResult> {
  signal.throwIfAborted();
  const child = await start(request, trees);
  const { tree } = child;
  using deadline = startDeadline(systemClock, request.timeoutMs || MAX_TIMEOUT_MS, "job");
  let cause: ExecResult["cause"] = ExecResultCause.EXITED;
  const stop = (why: ExecResult["cause"]): void => {
    cause = why;
    tree.kill();
  };
  const onCancel = (): void => stop(ExecResultCause.KILLED_CANCEL);
  signal.addEventListener("abort", onCancel, { once: true });
  deadline.signal.addEventListener("abort", () => stop(ExecResultCause.KILLED_TIMEOUT), { once: true });
  if (signal.aborted) onCancel();
  try {
    const output = Promise.all([
      forward(child.process.stdout, StdioChunkStream.STDOUT, request.stdioBytes, send),
      forward(child.process.stderr, StdioChunkStream.STDERR, request.stdioBytes, send),
    ]);
    output.catch(() => tree.kill());
    const [code, ended] = await child.exited;
    tree.end();
    const truncated = await within(output, child.process);
    const stdioTruncated = truncated.includes(true);
    // Ended by us: by which signal says nothing about the job.
    if (cause !== ExecResultCause.EXITED) return { exitCode: -1, cause, signal: 0, stdioTruncated };
    if (ended === null) return { exitCode: (code ?? -1) | 0, cause, signal: 0, stdioTruncated };
    return {
      ...{ exitCode: -1, cause: ExecResultCause.SIGNALLED, stdioTruncated },
      signal: constants.signals[ended],
    };
  } finally {
    signal.removeEventListener("abort", onCancel);
  }
}

/** Longest delay of a timer, ms. */
const MAX_TIMEOUT_MS = 0x7fff_ffff;

type Exit = [code: number | null, signal: NodeJS.Signals | null];

interface Started {
  readonly process: ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };
  readonly tree: ProcessTree;
  readonly exited: Promise<Exit>;
}

async function start({ argv, env, cwd }: JobRequest, trees: ProcessTrees): Promise<Started> {
  const [program = "", ...args] = argv;
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw notRun(program, `working directory "${cwd}" does not exist`);
  let child: Started["process"];
  try {
    child = spawn(program, args, {
      ...{ cwd, env, detached: trees.detached, windowsHide: true },
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    throw notRun(program, (error as NodeJS.ErrnoException).code ?? String(error), error);
  }
  const tree = trees.adopt(child);
  const exited = new Promise<Exit>((resolve) => child.once("exit", (...exit) => resolve(exit)));
  try {
    await once(child, "spawn");
  } catch (error) {
    tree.end();
    throw notRun(program, (error as NodeJS.ErrnoException).code ?? String(error), error);
  }
  return { process: child, tree, exited };
}

function notRun(program: string, why: string, cause?: unknown): AgentError {
  return new AgentError("failed precondition", `cannot run "${program}": ${why}`, { cause });
}

/** @returns whether something was discarded */
async function forward(
  stream: Readable,
  name: StdioChunk["stream"],
  limit: number,
  send: JobContext["send"],
): Promise<boolean> {
  let sent = 0;
  let truncated = false;
  for await (const data of stream) {
    const whole = data as Buffer;
    const kept = whole.subarray(0, Math.max(0, limit - sent));
    truncated ||= kept.length < whole.length;
    for (let at = 0; at < kept.length; at += LIMITS.stdioChunkBytes)
      await send({ stream: name, bytes: kept.subarray(at, at + LIMITS.stdioChunkBytes) });
    sent += kept.length;
  }
  return truncated;
}

/** All of a job's processes are gone, so its output ends; unless it was handed to somebody outside of it. */
async function within(
  output: Promise<boolean[]>,
  child: Pick<Started["process"], "stdout" | "stderr">,
): Promise<boolean[]> {
  const cancel = systemClock.setTimeout(() => {
    child.stdout.destroy();
    child.stderr.destroy();
  }, OUTPUT_LIMIT_MS);
  try {
    return await output;
  } finally {
    cancel();
  }
}
