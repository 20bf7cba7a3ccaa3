/**
 * Writes down what goes through a byte stream, without being in its way: the stream stays the one it is, with its
 * half-closes, its backpressure and its errors. Its own methods are replaced by ones that tell first.
 */
import type { Duplex } from "node:stream";
import type { ErrorRecord } from "./format.ts";
import { encodeError } from "./values.ts";

/** What a stream did, in order. */
export interface StreamWitness {
  data(from: "host" | "platform", bytes: Uint8Array): void;
  end(from: "host" | "platform"): void;
  destroy(from: "host" | "platform", error?: ErrorRecord): void;
}

type Chunk = Uint8Array | string;

/** @param direction whether the host writes at all: to the output of a process it does not, whatever object stands for it */
export function tapStream(
  stream: Duplex,
  witness: StreamWitness,
  direction: "both" | "from-platform" = "both",
): void {
  const push = stream.push.bind(stream);
  const destroy = stream.destroy.bind(stream);
  let destroyed = false;

  const arrived = (chunk: Chunk | null, encoding?: BufferEncoding): void => {
    if (chunk === null) witness.end("platform");
    else witness.data("platform", toBytes(chunk, encoding));
  };
  // What came before anybody listened is read, and put back.
  const early = stream.readableLength === 0 ? null : (stream.read() as Chunk | null);
  if (early !== null) {
    arrived(early);
    stream.unshift(early);
  }
  stream.push = (chunk: Chunk | null, encoding?: BufferEncoding) => {
    arrived(chunk, encoding);
    return push(chunk, encoding);
  };
  if (direction === "both") tapWriting(stream, witness);
  stream.destroy = (error?: Error) => {
    // A stream that has ended both ways destroys itself: that is nobody's doing.
    const isOver = stream.readableEnded && stream.writableFinished;
    if (!destroyed && isOfPlatform(error)) witness.destroy("platform", encodeError(error));
    else if (!destroyed && !isOver) witness.destroy("host");
    destroyed = true;
    return destroy(error);
  };
}

function tapWriting(stream: Duplex, witness: StreamWitness): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  const end = stream.end.bind(stream) as (...args: unknown[]) => Duplex;
  let ended = false;
  stream.write = (chunk: Chunk, ...rest: unknown[]) => {
    witness.data("host", toBytes(chunk, rest[0]));
    return write(chunk, ...rest);
  };
  stream.end = (...args: unknown[]) => {
    const [chunk, encoding] = args;
    if (chunk !== undefined && chunk !== null && typeof chunk !== "function")
      witness.data("host", toBytes(chunk as Chunk, encoding));
    if (!ended) witness.end("host");
    ended = true;
    return end(...args);
  };
}

function toBytes(chunk: Chunk, encoding: unknown): Uint8Array {
  if (typeof chunk !== "string") return chunk;
  return Buffer.from(chunk, typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8");
}

/** The system's errors have the names of the system (`ECONNRESET`); Node's own and ours have not. */
function isOfPlatform(error: Error | undefined): error is Error {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && /^E[A-Z0-9]+$/.test(code);
}
