/** One Exec stream, as the agent serves it: a job with its files, or a transfer of files. */
import {
  ExecServerFrame,
  type ExecClientFrame,
  type ExecHeader,
  type ExecResult,
} from "../../../protos/gen/agent.ts";
import { startDeadline, type Clock } from "../../clock.ts";
import { FileReceiver } from "../files/receiver.ts";
import { pathFilter, sendFiles } from "../files/sender.ts";
import { AgentError } from "../protocol/errors.ts";
import { INPUT_LIMITS, LIMITS, OUTPUT_LIMITS } from "../protocol/limits.ts";
import { ClientOrder } from "../protocol/order.ts";
import { jobEnvironment, type Platform } from "./environment.ts";
import { checkHeader, traceId } from "./header.ts";
import { runJob } from "./job.ts";
import type { AgentLog } from "./log.ts";
import type { ProcessTrees } from "./process-trees.ts";
import { prepareDirectories, type Staging } from "./staging.ts";
import type { Transfers } from "./transfer.ts";

/** The other end of a stream. */
export interface ExecPeer {
  /** The next frame; undefined at the half-close. Rejects when the caller has gone, or `signal` fires. */
  next(signal: AbortSignal): Promise<ExecClientFrame | undefined>;
  /** Resolves when more may be sent. */
  send(frame: Partial<ExecServerFrame>): Promise<void>;
  /** Fires when the caller has cancelled or gone. */
  readonly signal: AbortSignal;
}

export interface ExecContext {
  readonly platform: Platform;
  readonly staging: Staging;
  readonly trees: ProcessTrees;
  readonly transfers: Transfers;
  readonly log: AgentLog;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

/** Serves one stream to its end. @throws {AgentError} and whatever {@link asAgentError} takes */
export async function serveExec(
  peer: ExecPeer,
  context: ExecContext,
  name: (execId: string) => void,
): Promise<void> {
  const frames = new ClientFrames(peer, context.clock);
  const header = await frames.header();
  name(header.execId);
  checkHeader(header, context.platform);
  const trace = traceId(header.traceparent);
  context.log.info("exec received", {
    ...{ exec_id: header.execId, program: header.argv[0] ?? "transfer" },
    ...(trace === undefined ? {} : { trace_id: trace }),
  });
  if (header.transfer === undefined) await serveJob(header, frames, peer, context);
  else await context.transfers.serve(header, header.transfer, frames, peer);
}

/** Frames of a client in their order, each within its time. */
export class ClientFrames {
  readonly #peer: ExecPeer;
  readonly #clock: Clock;
  readonly #order = new ClientOrder();

  constructor(peer: ExecPeer, clock: Clock) {
    this.#peer = peer;
    this.#clock = clock;
  }

  async header(): Promise<ExecHeader> {
    const frame = await this.#next(LIMITS.headerMs, "waiting for the header of an exec");
    if (frame?.kind !== "header")
      throw new AgentError("invalid argument", "the stream ended before its header");
    return frame.header;
  }

  /** Gives every input file to `receive`, up to the half-close. */
  async inputs(receive: Pick<FileReceiver, "receive">): Promise<void> {
    for (;;) {
      const frame = await this.#next(LIMITS.idleMs, "waiting for input files");
      if (frame === undefined) return;
      if (frame.kind === "input") receive.receive(withMode(frame.input));
    }
  }

  async #next(limitMs: number, what: string): Promise<ReturnType<ClientOrder["next"]> | undefined> {
    using deadline = startDeadline(this.#clock, limitMs, what, this.#peer.signal);
    let frame: ExecClientFrame | undefined;
    try {
      frame = await this.#peer.next(deadline.signal);
    } catch (error) {
      if (!deadline.signal.aborted || this.#peer.signal.aborted) throw error;
      throw new AgentError("deadline exceeded", `${what}: nothing came for ${limitMs} ms`, { cause: error });
    }
    return frame && this.#order.next(frame);
  }
}

/** Callers that know no modes have only the flag. */
function withMode<Frame extends { readonly mode: number; readonly executable: boolean }>(
  frame: Frame,
): Frame {
  return frame.mode === 0 && frame.executable ? { ...frame, mode: 0x8000_0000 + 0o755 } : frame;
}

async function serveJob(
  header: ExecHeader,
  frames: ClientFrames,
  peer: ExecPeer,
  { platform, staging, trees, environment, clock }: ExecContext,
): Promise<void> {
  using directories = staging.open(header.execId);
  const env = jobEnvironment(header, platform, environment);
  const input = new FileReceiver({
    root: directories.source,
    limits: INPUT_LIMITS,
    what: "input files",
    foldsCase: platform === "win32",
  });
  try {
    await frames.inputs(input);
    // Callers of the first revision may leave the last frame of a file out.
    if (header.protoRev === 0) input.finish();
    else input.complete();
  } finally {
    input.discard();
  }
  prepareDirectories(header.argv, directories);
  const result = await runJob(
    {
      argv: header.argv,
      env,
      cwd: header.cwd || directories.source,
      timeoutMs: header.timeoutMs,
      stdioBytes: limited(header.maxStdioBytes, LIMITS.stdioBytes),
    },
    { trees, clock, signal: peer.signal, send: (stdio) => peer.send({ stdio }) },
  );
  peer.signal.throwIfAborted();
  await sendResult(peer, result);
  const limits = { ...OUTPUT_LIMITS, totalBytes: limited(header.maxOutputBytes, OUTPUT_LIMITS.totalBytes) };
  const wants = pathFilter(header.outputs);
  const options = { limits, what: "output files", ...(wants === undefined ? {} : { wants }) };
  for (const output of sendFiles(directories.output, options)) await peer.send({ output });
}

export function sendResult(peer: ExecPeer, result: ExecResult): Promise<void> {
  return peer.send(ExecServerFrame.create({ result }));
}

/** What the caller wants, or what the agent allows where that is less. 0: no wish. */
function limited(wanted: bigint, allowed: number): number {
  return wanted === 0n || wanted > BigInt(allowed) ? allowed : Number(wanted);
}
