/** The caller's end of one Exec stream: sends what a job needs, and takes what it gives without trusting it. */
import {
  ExecClientFrame,
  ExecHeader,
  ExecServerFrame,
  InputFile,
  StdioChunkStream,
  TransferDirection,
  type ExecResult,
  type Transfer,
} from "../../../protos/gen/agent.ts";
import { FileReceiver, type ReceivedFile } from "../files/receiver.ts";
import type { FileFrame, FilePosition } from "../files/frame.ts";
import { sendFiles } from "../files/sender.ts";
import { jobDigest } from "../files/summary.ts";
import { readWirePath, type WirePath } from "../paths/wire-path.ts";
import { AgentError } from "../protocol/errors.ts";
import { INPUT_LIMITS, LIMITS, OUTPUT_LIMITS, TRANSFER_LIMITS } from "../protocol/limits.ts";
import { ServerOrder } from "../protocol/order.ts";
import { EXEC_PATH } from "../protocol/wire.ts";
import type { GrpcConnection, GrpcStream } from "./grpc-stream.ts";

/** What goes out in a header of a job; what is left out has its default. */
export type JobHeader = Partial<Omit<ExecHeader, "transfer">> & Pick<ExecHeader, "execId" | "argv">;

export interface JobFiles {
  /** Directory whose files are sent; without it none are. */
  readonly source?: string;
  /** Directory that exists, for what comes back; without it nothing is wanted. */
  readonly output?: string;
}

export interface JobStreams {
  readonly onOutput?: (stream: "stdout" | "stderr", bytes: Uint8Array) => void | Promise<void>;
  /** Told of bytes of files, either way. */
  readonly onProgress?: (bytes: number) => void;
}

export interface JobOutcome {
  readonly result: ExecResult;
  readonly outputs: readonly ReceivedFile[];
  /** Digests of all files that went in, and of all that came out. */
  readonly inputDigest: string;
  readonly outputDigest: string;
}

/**
 * Runs a job. Resolves when everything that came back is complete on disk; after a failure nothing partial is left.
 *
 * @throws {AgentError}
 */
export async function execJob(
  connection: GrpcConnection,
  header: JobHeader,
  { source, output }: JobFiles,
  { onOutput, onProgress }: JobStreams,
  signal: AbortSignal,
): Promise<JobOutcome> {
  const wanted = output === undefined ? { outputs: ["-"] } : {};
  return withStream(connection, signal, async (stream) => {
    await stream.send(encodeHeader({ ...wanted, ...header }));
    const inputs =
      source === undefined ? [] : sendFiles(source, { limits: INPUT_LIMITS, what: "input files" });
    const sent = sendInputs(stream, inputs, onProgress);
    sent.catch(() => stream.cancel());
    const limits = limitsOf(header);
    const receiver =
      output === undefined
        ? undefined
        : new FileReceiver({ root: output, limits, what: "output files", allAtOnce: true });
    const order = new ServerOrder();
    let result: ExecResult | undefined;
    const taken = { stdout: 0, stderr: 0 };
    try {
      for await (const message of stream.messages()) {
        const frame = order.next(decode(message));
        if (frame.kind === "stdio") {
          const name = frame.body.stream === StdioChunkStream.STDERR ? "stderr" : "stdout";
          taken[name] += frame.body.bytes.length;
          if (taken[name] > limits.stdioBytes) throw tooMuch(`bytes of ${name}`, limits.stdioBytes);
          await onOutput?.(name, frame.body.bytes);
        } else if (frame.kind === "result") result = frame.body;
        else if (frame.kind === "output") {
          if (receiver === undefined)
            throw new AgentError("internal", "output files came that nobody wanted");
          receiver.receive(frame.body);
          onProgress?.(frame.body.chunk.length);
        } else throw new AgentError("internal", "unexpected frame: the state of a transfer");
      }
      order.end();
      const inputDigest = await sent;
      receiver?.complete();
      if (result === undefined) throw new AgentError("internal", "stream closed without result");
      const outputs = receiver?.files ?? [];
      return { result, outputs, inputDigest, outputDigest: jobDigest(outputs) };
    } catch (error) {
      // What was found here says more than that the stream then broke.
      throw await firstFailure(sent, error);
    } finally {
      receiver?.discard();
    }
  });
}

interface OutcomeLimits {
  readonly files: number;
  readonly fileBytes: number;
  readonly totalBytes: number;
  readonly stdioBytes: number;
}

/** What was asked for, held here as well. */
function limitsOf({ maxOutputBytes = 0n, maxStdioBytes = 0n }: JobHeader): OutcomeLimits {
  const least = (wish: bigint, most: number): number =>
    wish === 0n || wish > BigInt(most) ? most : Number(wish);
  return {
    ...OUTPUT_LIMITS,
    totalBytes: least(maxOutputBytes, OUTPUT_LIMITS.totalBytes),
    stdioBytes: least(maxStdioBytes, LIMITS.stdioBytes),
  };
}

/** Sending may have failed for a reason of ours (a file that cannot be read): that is the cause then. */
async function firstFailure(sent: Promise<unknown>, error: unknown): Promise<unknown> {
  if (!(error instanceof AgentError) || error.status !== "unavailable") return error;
  return Promise.race([
    sent.then(
      () => error,
      (own: unknown) => own,
    ),
    Promise.resolve().then(() => error),
  ]);
}

/** @returns the digest of what was sent: known before the half-close, so that a set that has none is never worked with */
async function sendInputs(
  stream: GrpcStream,
  frames: Iterable<FileFrame>,
  onProgress?: (bytes: number) => void,
): Promise<string> {
  const sent: { file: WirePath; sha256: Uint8Array }[] = [];
  await sendFrames(stream, frames, onProgress, ({ path, sha256 }) =>
    sent.push({ file: readWirePath(path), sha256 }),
  );
  const digest = jobDigest(sent);
  stream.end();
  return digest;
}

async function sendFrames(
  stream: GrpcStream,
  frames: Iterable<FileFrame>,
  onProgress?: (bytes: number) => void,
  onFile?: (last: FileFrame) => void,
): Promise<void> {
  for (const input of frames) {
    if (stream.isOver) return;
    await stream.send(ExecClientFrame.encode({ input: InputFile.create(input) }));
    onProgress?.(input.chunk.length);
    if (input.eof) onFile?.(input);
  }
}

export interface TransferRequest {
  /** The same in every attempt of one copy. */
  readonly id: string;
  /** Absolute, in the container. */
  readonly root: string;
  readonly onProgress?: (bytes: number) => void;
  /** Told with the last piece of each file that goes out. */
  readonly onFile?: (last: FileFrame) => void;
}

/** Copies a file, or the files of a directory, below a directory of the container. @throws {AgentError} */
export async function putFiles(
  connection: GrpcConnection,
  source: string,
  { id, root, onProgress, onFile }: TransferRequest,
  signal: AbortSignal,
): Promise<void> {
  await withStream(connection, signal, async (stream) => {
    await stream.send(
      encodeHeader({ execId: id, transfer: transferOf(TransferDirection.PUT, root, { resume: true }) }),
    );
    const have: FilePosition[] = [];
    const order = new ServerOrder();
    let sending: Promise<unknown> | undefined;
    let done = false;
    for await (const message of stream.messages()) {
      const frame = order.next(decode(message));
      if (frame.kind === "state") {
        have.push(...frame.body.have);
        if (frame.body.more) continue;
        const frames = sendFiles(source, { limits: TRANSFER_LIMITS, what: "files", have });
        // A copy is no input with a digest: two names that differ by case stay two.
        sending = sendFrames(stream, frames, onProgress, onFile).then(() => stream.end());
        sending.catch(() => stream.cancel());
      } else if (frame.kind === "result") done = true;
      else throw new AgentError("internal", `unexpected frame: ${frame.kind} in a transfer`);
    }
    order.end();
    await sending;
    if (!done) throw new AgentError("internal", "stream closed without result");
  });
}

/** Copies a file, or the files of a directory, of the container below `receiver`'s root. @throws {AgentError} */
export async function getFiles(
  connection: GrpcConnection,
  receiver: FileReceiver,
  { id, root, onProgress }: TransferRequest,
  signal: AbortSignal,
): Promise<void> {
  receiver.resume();
  await withStream(connection, signal, async (stream) => {
    const have = positionsThatFit(receiver.positions());
    await stream.send(
      encodeHeader({ execId: id, transfer: transferOf(TransferDirection.GET, root, { resume: true, have }) }),
    );
    stream.end();
    const order = new ServerOrder();
    for await (const message of stream.messages()) {
      const frame = order.next(decode(message));
      if (frame.kind === "output") {
        receiver.receive(frame.body);
        onProgress?.(frame.body.chunk.length);
      } else if (frame.kind !== "result")
        throw new AgentError("internal", `unexpected frame: ${frame.kind} in a transfer`);
    }
    order.end();
    receiver.complete();
  });
}

/** Bytes of a header's positions: well within a message. What is left out comes again. */
const POSITIONS_BYTES: number = 3 << 20;

function positionsThatFit(positions: readonly FilePosition[]): FilePosition[] {
  // Partial files come last, and save most.
  let left = POSITIONS_BYTES;
  return [...positions].reverse().filter(({ path }) => (left -= Buffer.byteLength(path) + 64) > 0);
}

function transferOf(
  direction: Transfer["direction"],
  root: string,
  { resume, have = [] }: { readonly resume: boolean; readonly have?: FilePosition[] },
): Transfer {
  return { direction, root, resume, have };
}

function encodeHeader(header: Partial<ExecHeader>): Uint8Array {
  return ExecClientFrame.encode({ header: ExecHeader.create({ protoRev: 1, ...header }) });
}

function decode(message: Buffer): ExecServerFrame {
  try {
    return ExecServerFrame.decode(message);
  } catch (cause) {
    throw new AgentError("internal", "the peer sent what is no frame", { cause });
  }
}

async function withStream<T>(
  connection: GrpcConnection,
  signal: AbortSignal,
  work: (stream: GrpcStream) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const stream = connection.open(EXEC_PATH);
  const cancel = (): void => stream.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    return await work(stream);
  } catch (error) {
    stream.cancel();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function tooMuch(what: string, limit: number): AgentError {
  return new AgentError("resource exhausted", `too much: ${what} may be at most ${limit}`);
}
