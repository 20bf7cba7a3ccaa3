/**
 * FIFOs that the client made (fifo(7)), the stdio of containerd on Linux.
 *
 * Every FIFO is opened without blocking, and each with a keeper, a second descriptor for the other direction that is
 * never read or written:
 * - outputs: the keeper holds the read side open. Without it, opening for writing fails while the client has not come
 *   yet (ENXIO), and a restart of containerd is EPIPE; with it, a client that is away is back-pressure.
 * - stdin: the keeper holds the write side open, so that the end of one client is not the end of input. CloseIO closes
 *   it; then the last client that goes takes the input with it.
 */
import { close, constants, fstat, open } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { messageOf } from "../errors.ts";
import { StdioError, type StdioField } from "./errors.ts";
import { FifoReader } from "./fifo-reader.ts";
import { FifoWriter } from "./fifo-writer.ts";
import { openAppending, openReading } from "./file.ts";
import type { OpenContext, StdioRequest, UpstreamStdio } from "./upstream.ts";
import { parseStdioUri } from "./uri.ts";

// Plain descriptors, not FileHandles: net.Socket takes over a number, and nothing may be closed by a collector.
const openDescriptor = promisify(open);
const statDescriptor = promisify(fstat);
const closeDescriptor = promisify(close);

const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const WRITE = constants.O_WRONLY | constants.O_NONBLOCK;

/** An opened stream, and how to let go of it and of what stands behind it. */
interface Opened<S> {
  readonly stream: S;
  /** Idempotent. */
  readonly release: () => void;
  /** Lets the input end with its last client. Idempotent. */
  readonly dropKeeper?: () => void;
}

/** Bare paths and `fifo://` URIs. A path that is a file or a device instead is appended to, or read. */
export async function openFifos(request: StdioRequest, context: OpenContext): Promise<UpstreamStdio> {
  const opened: Opened<Readable | Writable>[] = [];
  const closeAll = (): void => {
    for (const { release } of opened) release();
  };
  const keep = <S extends Readable | Writable>(one: Opened<S>): Opened<S> => {
    // An error before somebody relays this stream, or after, must not end the shim.
    one.stream.on("error", () => undefined);
    opened.push(one);
    return one;
  };
  try {
    const stdin = request.stdin === "" ? undefined : keep(await openInput(request.stdin));
    const stdout = request.stdout === "" ? undefined : keep(await openOutput("stdout", request, context));
    const wanted = request.stderr !== "" && !request.terminal;
    const stderr = wanted ? keep(await openOutput("stderr", request, context)) : undefined;
    context.signal.throwIfAborted();
    return {
      paths: { stdin: request.stdin, stdout: request.stdout, stderr: request.stderr },
      ...(stdin === undefined ? {} : { stdin: stdin.stream }),
      ...(stdout === undefined ? {} : { stdout: stdout.stream }),
      ...(stderr === undefined ? {} : { stderr: stderr.stream }),
      closeStdin: () => stdin?.dropKeeper?.(),
      close: async () => closeAll(),
    };
  } catch (error) {
    closeAll();
    throw error;
  }
}

async function openInput(value: string): Promise<Opened<Readable>> {
  const path = fifoPath("stdin", value);
  if (!(await isFifoAt("stdin", value, path))) {
    const file = await openReading(path, value);
    return { stream: file, release: () => void file.destroy() };
  }
  const stream = new FifoReader(path);
  return { stream, dropKeeper: () => stream.dropKeeper(), release: () => void stream.destroy() };
}

async function isFifoAt(field: StdioField, value: string, path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFIFO();
  } catch (error) {
    throw new StdioError("unavailable", field, value, messageOf(error), error);
  }
}

async function openOutput(
  field: "stdout" | "stderr",
  request: StdioRequest,
  { clock }: OpenContext,
): Promise<Opened<Writable>> {
  const value = request[field];
  const path = fifoPath(field, value);
  const keeper = await openAt(field, value, path, READ);
  if (!(await isFifo(keeper))) {
    await closeDescriptor(keeper);
    const file = await openAppending(path, field, value);
    return { stream: file, release: () => void file.destroy() };
  }
  const writer = new FifoWriter(await openBeside(keeper, field, value, path, WRITE), keeper, clock);
  return { stream: writer, release: () => writer.release() };
}

function fifoPath(field: StdioField, value: string): string {
  let path: string;
  try {
    const uri = parseStdioUri(value);
    // The scheme of stdout decides for all three; a FIFO's own name may have any characters it likes.
    path = uri.scheme === "fifo" ? uri.authority + uri.path : value;
  } catch (error) {
    throw new StdioError("invalid", field, value, messageOf(error), error);
  }
  if (!path.startsWith("/")) throw new StdioError("invalid", field, value, "not an absolute path");
  return path;
}

async function openAt(field: StdioField, value: string, path: string, flags: number): Promise<number> {
  try {
    return await openDescriptor(path, flags);
  } catch (error) {
    throw new StdioError("unavailable", field, value, messageOf(error), error);
  }
}

/** Opens the other direction of the FIFO that `first` is, which is closed when that fails. */
async function openBeside(
  first: number,
  field: StdioField,
  value: string,
  path: string,
  flags: number,
): Promise<number> {
  try {
    return await openAt(field, value, path, flags);
  } catch (error) {
    await closeDescriptor(first);
    throw error;
  }
}

async function isFifo(fd: number): Promise<boolean> {
  return (await statDescriptor(fd)).isFIFO();
}
