/**
 * A container in process isolation, as a peer of one in a VM: the same work, by copying into a directory that both see and
 * running a further process in the container. There is no partition in between: the boundary is the kernel of the host, and
 * the audit record says so. Nothing falls back to it by itself.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ExecResultCause } from "../../../protos/gen/agent.ts";
import { startDeadline, systemClock, type Clock } from "../../clock.ts";
import { copyTree } from "../files/copy.ts";
import { pathFilter } from "../files/sender.ts";
import { jobDigest, summarizeCopy, type FilesSummary } from "../files/summary.ts";
import { jobDirectories, withDirectories } from "../host/tokens.ts";
import { AgentError, asAgentError } from "../protocol/errors.ts";
import { checkExecId, newExecId } from "../protocol/exec-id.ts";
import { INPUT_LIMITS, LIMITS, OUTPUT_LIMITS, TRANSFER_LIMITS } from "../protocol/limits.ts";
import type { ReceivedFile } from "../files/receiver.ts";
import { LivingContainer } from "./living-container.ts";
import type { BoundaryInfo, CopyOptions, ExecRequest, ExecResult, IsolatedContainer } from "./runtime.ts";

/** A process in the container. */
export interface PeerProcess {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  /** In the container. */
  readonly cwd: string;
  readonly onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => void | Promise<void>;
  /** Ends it, with everything it has started. */
  readonly signal: AbortSignal;
}

/** What is needed of a container: a paused one that processes can be started in, and a directory that both see. */
export interface ProcessPeer {
  readonly id: string;
  /** Changes with every start of the container. */
  readonly incarnation: string;
  /** The same directory, on the host and in the container. */
  readonly scratch: { readonly host: string; readonly inside: string };
  /** Settles when the container has ended, with the reason. Never rejects. */
  readonly ended: Promise<string>;
  /** Resolves when the process has ended. @returns its exit code, or the number of the signal */
  run(process: PeerProcess): Promise<{ readonly exitCode: number; readonly signal: number }>;
  /** Copies go to paths of the container: where these are on the host. Undefined: they cannot be reached from there. */
  hostPath?(path: string): string | undefined;
}

const BOUNDARY: BoundaryInfo = {
  isolation: "process",
  boundary: "silo",
  shares: 0,
  transport: "task-exec",
};

export function openProcessContainer(peer: ProcessPeer, clock: Clock = systemClock): IsolatedContainer {
  return new ProcessContainer(peer, clock);
}

class ProcessContainer extends LivingContainer implements IsolatedContainer {
  readonly boundary: BoundaryInfo = BOUNDARY;
  readonly #peer: ProcessPeer;
  readonly #clock: Clock;
  readonly #over = new AbortController();

  constructor(peer: ProcessPeer, clock: Clock) {
    super(peer);
    this.#peer = peer;
    this.#clock = clock;
    void peer.ended.then((reason) => this.#die(reason, false));
  }

  async exec(request: ExecRequest, signal?: AbortSignal): Promise<ExecResult> {
    const execId = request.execId ?? newExecId();
    checkExecId(execId);
    using _admitted = await this.liveness.admit(execId);
    const { host, inside } = this.#peer.scratch;
    const on = { source: join(host, "src", execId), output: join(host, "out", execId) };
    try {
      const inputs =
        request.source === undefined
          ? []
          : await copyTree(request.source, on.source, inputOptions(request, signal));
      const inputDigest = jobDigest(inputs);
      for (const directory of [on.source, on.output]) mkdirSync(directory, { recursive: true });
      const within = jobDirectories(inside, "linux", execId);
      const { argv, cwd } = withDirectories({ argv: [...request.argv], cwd: request.cwd ?? "" }, within);
      const ended = await this.#run({ ...request, argv, cwd: cwd || within.source }, signal);
      const outputs =
        request.output === undefined
          ? []
          : await copyTree(on.output, request.output, outputOptions(request, signal));
      return {
        ...{ execId, ...ended, inputDigest, outputDigest: jobDigest(outputs) },
        outputs: outputs.map(({ file, bytes, sha256 }) => ({ path: file.path, bytes, sha256 })),
      };
    } catch (error) {
      signal?.throwIfAborted();
      throw asAgentError(error);
    } finally {
      for (const directory of Object.values(on)) rmSync(directory, { recursive: true, force: true });
    }
  }

  put(source: string, target: string, options: CopyOptions = {}): Promise<FilesSummary> {
    return this.#copy(target, options, (host) => copyTree(source, host, copyOptions(options)));
  }

  get(source: string, target: string, options: CopyOptions = {}): Promise<FilesSummary> {
    return this.#copy(source, options, (host) => copyTree(host, target, copyOptions(options)));
  }

  stop(): Promise<void> {
    this.#die("it was stopped", true);
    return Promise.resolve();
  }

  async #copy(
    path: string,
    { signal }: CopyOptions,
    copy: (host: string) => Promise<readonly ReceivedFile[]>,
  ): Promise<FilesSummary> {
    using _admitted = await this.liveness.admit(newExecId());
    const host = this.#peer.hostPath?.(path);
    if (host === undefined)
      throw new AgentError(
        "unimplemented",
        `cannot copy: "${path}" of container "${this.id}" is not on the host`,
      );
    try {
      const files = await copy(host);
      return summarizeCopy(new Map(files.map((received) => [received.file.path, received])));
    } catch (error) {
      signal?.throwIfAborted();
      throw asAgentError(error);
    }
  }

  async #run(
    request: ExecRequest & { readonly cwd: string },
    signal: AbortSignal | undefined,
  ): Promise<Pick<ExecResult, "exitCode" | "cause" | "signal" | "stdioTruncated">> {
    const parents = [this.#over.signal, ...(signal === undefined ? [] : [signal])];
    using limit = startDeadline(
      this.#clock,
      request.timeoutMs || MAX_TIMER_MS,
      "job",
      AbortSignal.any(parents),
    );
    const most = Math.min(request.maxStdioBytes || LIMITS.stdioBytes, LIMITS.stdioBytes);
    const taken = { stdout: 0, stderr: 0 };
    let stdioTruncated = false;
    const ended = await this.#peer.run({
      argv: request.argv,
      env: request.env ?? [],
      cwd: request.cwd,
      signal: limit.signal,
      onOutput: async (stream, bytes) => {
        const kept = bytes.subarray(0, Math.max(0, most - taken[stream]));
        taken[stream] += kept.length;
        stdioTruncated ||= kept.length < bytes.length;
        if (kept.length > 0) await request.onOutput?.(stream, kept);
      },
    });
    for (const parent of parents) parent.throwIfAborted();
    if (limit.signal.aborted)
      return { exitCode: -1, cause: ExecResultCause.KILLED_TIMEOUT, signal: 0, stdioTruncated };
    if (ended.signal !== 0)
      return { exitCode: -1, cause: ExecResultCause.SIGNALLED, signal: ended.signal, stdioTruncated };
    return { exitCode: ended.exitCode, cause: ExecResultCause.EXITED, signal: 0, stdioTruncated };
  }

  #die(reason: string, planned: boolean): void {
    this.liveness.die(reason, planned);
    this.#over.abort(
      new AgentError("unavailable", `container "${this.id}" has ended: ${reason}`, {
        consequences: { retryable: true, sideEffects: "unknown" },
      }),
    );
  }
}

/** Longest delay of a timer, ms. */
const MAX_TIMER_MS = 0x7fff_ffff;

type CopyTreeOptions = Parameters<typeof copyTree>[2];

function inputOptions(request: ExecRequest, signal?: AbortSignal): CopyTreeOptions {
  return { limits: INPUT_LIMITS, what: "input files", ...watchedBy(request.onProgress, signal) };
}

function outputOptions(request: ExecRequest, signal?: AbortSignal): CopyTreeOptions {
  const { outputs = [], maxOutputBytes = 0 } = request;
  const totalBytes = Math.min(maxOutputBytes || OUTPUT_LIMITS.totalBytes, OUTPUT_LIMITS.totalBytes);
  const wants = pathFilter(outputs);
  return {
    limits: { ...OUTPUT_LIMITS, totalBytes },
    what: "output files",
    ...(wants === undefined ? {} : { wants }),
    ...watchedBy(request.onProgress, signal),
  };
}

function copyOptions({ onProgress, limits = TRANSFER_LIMITS, signal }: CopyOptions): CopyTreeOptions {
  return { limits, what: "files", ...watchedBy(onProgress, signal) };
}

function watchedBy(
  onProgress: CopyTreeOptions["onProgress"],
  signal: AbortSignal | undefined,
): Pick<CopyTreeOptions, "onProgress" | "signal"> {
  return {
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  };
}
