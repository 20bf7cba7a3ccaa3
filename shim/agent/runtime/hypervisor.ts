/**
 * A container in a VM whose first process is the agent: one connection over a Hyper-V socket, shared by everything that is
 * asked of it. When the connection breaks, the compute service is asked before anybody dials again: a VM that is gone is
 * never dialled.
 */
import { mkdirSync } from "node:fs";
import type { HcsBackend } from "../../../hcs/api.ts";
import { startDeadline, systemClock, type Clock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import type { FileFrame } from "../files/frame.ts";
import { FileReceiver } from "../files/receiver.ts";
import { summarizeCopy, type FilesSummary } from "../files/summary.ts";
import { dialAgent } from "../host/dial.ts";
import { execJob, getFiles, putFiles } from "../host/exec.ts";
import type { GrpcConnection } from "../host/grpc-stream.ts";
import { jobDirectories, withDirectories } from "../host/tokens.ts";
import { AgentError, asAgentError } from "../protocol/errors.ts";
import { newExecId } from "../protocol/exec-id.ts";
import { TRANSFER_LIMITS } from "../protocol/limits.ts";
import { LivingContainer } from "./living-container.ts";
import type { BoundaryInfo, CopyOptions, ExecRequest, ExecResult, IsolatedContainer } from "./runtime.ts";

/** Which agent, as the shim tells it. */
export interface AgentTarget {
  /** The task. */
  readonly id: string;
  /** Id of the VM's compute system. */
  readonly vm: string;
  readonly address: {
    readonly vmId: string;
    readonly serviceId: string;
    readonly staging: string;
    readonly os: "linux" | "windows";
  };
  readonly boundary: BoundaryInfo;
}

export interface HypervisorContext {
  readonly backend: Pick<HcsBackend, "hvSocket" | "computeSystems">;
  readonly clock?: Clock;
  /** Fires when the VM or the container is known to have ended: its reason is why. Known sooner than by asking. */
  readonly over?: AbortSignal;
}

/** Times in ms. */
const KEEPALIVE_MS = 10_000;
const ANSWER_MS = 5000;
const CONFIRM_MS = 2000;
/** After the agent should have ended a job by itself, and after it was told to. */
const OVERRUN_MS = 5000;

/** Attempts of a copy whose stream breaks. */
const COPY_ATTEMPTS = 4;

/** Connects to the agent of a container that runs. @throws {AgentError} */
export async function openHypervisorContainer(
  target: AgentTarget,
  context: HypervisorContext,
  signal?: AbortSignal,
): Promise<IsolatedContainer> {
  const { backend, over, clock = systemClock } = context;
  const dial = (limit?: AbortSignal): Promise<GrpcConnection> =>
    dialAgent(
      target.address,
      { hvSocket: backend.hvSocket, clock, ...(over === undefined ? {} : { over }) },
      limit,
    );
  const connection = await dial(signal);
  return new HypervisorContainer(target, { ...context, clock }, dial, connection);
}

class HypervisorContainer extends LivingContainer implements IsolatedContainer {
  readonly boundary: BoundaryInfo;
  readonly #target: AgentTarget;
  readonly #context: HypervisorContext & { readonly clock: Clock };
  readonly #dial: (limit?: AbortSignal) => Promise<GrpcConnection>;
  #connection: GrpcConnection;
  #stopKeepalive: () => void = () => undefined;

  constructor(
    target: AgentTarget,
    context: HypervisorContext & { readonly clock: Clock },
    dial: (limit?: AbortSignal) => Promise<GrpcConnection>,
    connection: GrpcConnection,
  ) {
    super({ id: target.id, incarnation: target.address.vmId });
    this.boundary = target.boundary;
    this.#target = target;
    this.#context = context;
    this.#dial = dial;
    this.#connection = connection;
    this.#watch(connection);
    const onOver = (): void => this.#die(messageOf(context.over?.reason));
    if (context.over?.aborted === true) onOver();
    else context.over?.addEventListener("abort", onOver, { once: true });
  }

  async exec(request: ExecRequest, signal?: AbortSignal): Promise<ExecResult> {
    const execId = request.execId ?? newExecId();
    using _admitted = await this.liveness.admit(execId);
    const { address } = this.#target;
    const header = withDirectories(
      {
        execId,
        argv: [...request.argv],
        env: [...(request.env ?? [])],
        cwd: request.cwd ?? "",
        outputs: [...(request.outputs ?? [])],
        timeoutMs: request.timeoutMs ?? 0,
        maxStdioBytes: BigInt(request.maxStdioBytes ?? 0),
        maxOutputBytes: BigInt(request.maxOutputBytes ?? 0),
        traceparent: request.traceparent ?? "",
        tracestate: request.tracestate ?? "",
      },
      jobDirectories(address.staging, address.os, execId),
    );
    if (request.output !== undefined) mkdirSync(request.output, { recursive: true });
    const { source, output, onOutput, onProgress } = request;
    using limit = this.#overrun(request.timeoutMs, signal);
    // Awaited here: what is admitted, and its limit, last as long as the work.
    return await this.#work(limit.signal, async (connection) => {
      const { result, outputs, inputDigest, outputDigest } = await execJob(
        connection,
        output === undefined ? { ...header, outputs: ["-"] } : header,
        { ...(source === undefined ? {} : { source }), ...(output === undefined ? {} : { output }) },
        {
          ...(onOutput === undefined ? {} : { onOutput }),
          ...(onProgress === undefined ? {} : { onProgress }),
        },
        limit.signal,
      );
      const { exitCode, cause, signal: number, stdioTruncated } = result;
      const files = outputs.map(({ file, bytes, sha256 }) => ({ path: file.path, bytes, sha256 }));
      const ended = { execId, exitCode, cause, signal: number, stdioTruncated };
      return { ...ended, inputDigest, outputDigest, outputs: files };
    });
  }

  async put(source: string, target: string, options: CopyOptions = {}): Promise<FilesSummary> {
    // Over all attempts: what one of them has finished, the next does not send again.
    const sent = new Map<string, { readonly bytes: number; readonly sha256: Uint8Array }>();
    const onFile = ({ path, size, sha256 }: FileFrame): void =>
      void sent.set(path, { bytes: Number(size), sha256 });
    await this.#copy(options, (connection, request, signal) =>
      putFiles(connection, source, { ...request, root: target, onFile }, signal),
    );
    return summarizeCopy(sent);
  }

  async get(source: string, target: string, options: CopyOptions = {}): Promise<FilesSummary> {
    mkdirSync(target, { recursive: true });
    const limits = options.limits ?? TRANSFER_LIMITS;
    const receiver = new FileReceiver({ root: target, limits, what: "files" });
    try {
      await this.#copy(options, (connection, request, signal) =>
        getFiles(connection, receiver, { ...request, root: source }, signal),
      );
      return summarizeCopy(new Map(receiver.files.map((received) => [received.file.path, received])));
    } finally {
      receiver.discard();
    }
  }

  stop(): Promise<void> {
    this.liveness.drain();
    this.#die("it was stopped", true);
    return Promise.resolve();
  }

  /** Goes on with a copy whose stream broke, as long as the container lives. */
  async #copy(
    { onProgress, onResume, signal }: CopyOptions,
    attempt: (
      connection: GrpcConnection,
      request: { readonly id: string; readonly onProgress?: (bytes: number) => void },
      signal: AbortSignal,
    ) => Promise<void>,
  ): Promise<void> {
    const id = newExecId();
    using _admitted = await this.liveness.admit(id);
    const limit = signal ?? new AbortController().signal;
    for (let count = 1; ; count += 1) {
      try {
        const request = { id, ...(onProgress === undefined ? {} : { onProgress }) };
        return await this.#work(limit, (connection) => attempt(connection, request, limit));
      } catch (error) {
        const isBroken = error instanceof AgentError && error.status === "unavailable";
        if (!isBroken || count === COPY_ATTEMPTS || limit.aborted) throw error;
        // Refused here when the container turns out to be dead.
        (await this.liveness.admit(`${id}.${count}`))[Symbol.dispose]();
        onResume?.(count, error);
      }
    }
  }

  async #work<T>(signal: AbortSignal, work: (connection: GrpcConnection) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    try {
      return await work(connection);
    } catch (error) {
      const failure = signal.aborted ? error : asAgentError(error);
      // Before anybody hears of it: whoever tries again waits until it is known what has happened.
      if (failure instanceof AgentError && failure.status === "unavailable") this.#suspect(connection);
      throw failure;
    }
  }

  /** The agent ends a job in time; if even that fails, the stream is closed. */
  #overrun(timeoutMs: number | undefined, signal: AbortSignal | undefined): ReturnType<typeof startDeadline> {
    const ms = timeoutMs === undefined || timeoutMs === 0 ? MAX_TIMER_MS : timeoutMs + OVERRUN_MS;
    return startDeadline(this.#context.clock, ms, "the job did not end in time", signal);
  }

  #watch(connection: GrpcConnection): void {
    void connection.closed.then(() => this.#suspect(connection));
    const { clock } = this.#context;
    const ask = (): void => {
      const deadline = startDeadline(clock, ANSWER_MS, "the agent does not answer");
      connection
        .ping(deadline.signal)
        .then(
          () => (this.#stopKeepalive = clock.setTimeout(ask, KEEPALIVE_MS)),
          () => connection.close(),
        )
        .finally(() => deadline[Symbol.dispose]());
    };
    this.#stopKeepalive = clock.setTimeout(ask, KEEPALIVE_MS);
  }

  #suspect(connection: GrpcConnection): void {
    if (connection !== this.#connection) return;
    connection.close();
    this.#stopKeepalive();
    this.liveness.suspect(() => this.#confirm());
  }

  /** @throws when the container is dead */
  async #confirm(): Promise<void> {
    const { backend, clock } = this.#context;
    const { vm } = this.#target;
    using asking = startDeadline(clock, CONFIRM_MS, `asking for VM "${vm}"`);
    const found = await backend.computeSystems.enumerate({ ids: [vm] }, { signal: asking.signal });
    const system = found.find(({ runtimeId }) => runtimeId?.toLowerCase() === this.incarnation);
    if (system === undefined || system.state === "Stopped") throw new Error(`VM "${vm}" has ended`);
    using dialling = startDeadline(clock, CONFIRM_MS, "dialling the agent again");
    const connection = await this.#dial(dialling.signal);
    this.#connection = connection;
    this.#watch(connection);
  }

  #die(reason: string, planned = false): void {
    this.liveness.die(reason, planned);
    this.#stopKeepalive();
    this.#connection.close();
  }
}

/** Longest delay of a timer, ms. */
const MAX_TIMER_MS = 0x7fff_ffff;
