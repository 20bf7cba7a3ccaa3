/** One process and its output, from spawn to the end of everything it has started. */
import { statSync } from "node:fs";
import type { Readable } from "node:stream";
import {
  ExecResultCause,
  StdioChunkStream,
  type ExecResult,
  type StdioChunk,
} from "../../../protos/gen/agent.ts";
import { startDeadline, type Clock } from "../../clock.ts";
import { LIMITS } from "../protocol/limits.ts";
import { notRun, type ProcessTree, type ProcessTrees, type ProgramRequest } from "./process-trees.ts";

export interface JobRequest extends ProgramRequest {
  /** 0: none. */
  readonly timeoutMs: number;
  /** Of each stream. */
  readonly stdioBytes: number;
}

export interface JobContext {
  readonly trees: ProcessTrees;
  readonly clock: Clock;
  /** Takes a piece of output; resolves when more may come. */
  readonly send: (chunk: StdioChunk) => Promise<void>;
  /** The caller has gone. */
  readonly signal: AbortSignal;
}

/** How long output may keep open after the last process of a job, ms: then somebody else has it. */
const OUTPUT_LIMIT_MS = 5000;

/** @throws {AgentError} failed precondition: the program could not be run, which never looks like one that has */
export async function runJob(
  request: JobRequest,
  { trees, clock, send, signal }: JobContext,
): Promise<ExecResult> {
  signal.throwIfAborted();
  const { argv, cwd } = request;
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw notRun(argv[0] ?? "", `working directory "${cwd}" does not exist`);
  await using tree = await trees.start(request);
  using deadline = startDeadline(clock, request.timeoutMs || MAX_TIMEOUT_MS, "job");
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
      forward(tree.stdout, StdioChunkStream.STDOUT, request.stdioBytes, send),
      forward(tree.stderr, StdioChunkStream.STDERR, request.stdioBytes, send),
    ]);
    output.catch(() => tree.kill());
    const { exitCode, signal: number } = await tree.exited;
    await tree.end();
    const truncated = await within(output, tree, clock);
    const stdioTruncated = truncated.includes(true);
    // Ended by us: by which signal says nothing about the job.
    if (cause !== ExecResultCause.EXITED) return { exitCode: -1, cause, signal: 0, stdioTruncated };
    if (number !== 0) cause = ExecResultCause.SIGNALLED;
    // Crash codes of Windows have their highest bit set: the field is signed.
    return { exitCode: exitCode | 0, cause, signal: number, stdioTruncated };
  } finally {
    signal.removeEventListener("abort", onCancel);
  }
}

/** Longest delay of a timer, ms. */
const MAX_TIMEOUT_MS = 0x7fff_ffff;

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
  { stdout, stderr }: Pick<ProcessTree, "stdout" | "stderr">,
  clock: Clock,
): Promise<boolean[]> {
  const cancel = clock.setTimeout(() => {
    stdout.destroy();
    stderr.destroy();
  }, OUTPUT_LIMIT_MS);
  try {
    return await output;
  } finally {
    cancel();
  }
}
