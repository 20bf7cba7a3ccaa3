/**
 * FIFOs for the streams of a process (fifo(7)). Each is opened together with a keeper for the other direction, so that there
 * is neither an end of file before the shim has come nor an error because nobody reads yet.
 */
import { execFile } from "node:child_process";
import { close, closeSync, constants, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { promisify } from "node:util";
import { messageOf } from "../../errors.ts";
import { ClientError } from "../errors.ts";
import type { ClientStdio, StreamWish } from "./stdio.ts";

const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const WRITE = constants.O_WRONLY | constants.O_NONBLOCK;

interface Fifo {
  readonly path: string;
  readonly socket: Socket;
  readonly dropKeeper: () => void;
}

export async function openFifos(wish: StreamWish): Promise<ClientStdio> {
  const directory = await mkdtemp(join(tmpdir(), "runhcs-io-"));
  const names = [
    ...(wish.stdin ? ["stdin"] : []),
    ...(wish.stdout ? ["stdout"] : []),
    ...(wish.stderr && !wish.terminal ? ["stderr"] : []),
  ];
  const fifos = new Map<string, Fifo>();
  const close = async (): Promise<void> => {
    for (const { socket, dropKeeper } of fifos.values()) {
      socket.destroy();
      dropKeeper();
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await makeFifos(names.map((name) => join(directory, name)));
    for (const name of names) fifos.set(name, openFifo(join(directory, name), name === "stdin"));
  } catch (error) {
    await close();
    throw error;
  }
  const outputs = ["stdout", "stderr"].flatMap((name) => fifos.get(name)?.socket ?? []);
  const drained = Promise.all(outputs.map(ended)).then(() => undefined);
  return {
    task: {
      stdin: fifos.get("stdin")?.path ?? "",
      stdout: fifos.get("stdout")?.path ?? "",
      stderr: fifos.get("stderr")?.path ?? "",
      terminal: wish.terminal,
    },
    ...streams(fifos),
    started: () => {
      for (const { dropKeeper } of fifos.values()) dropKeeper();
    },
    drained,
    close,
  };
}

function streams(fifos: ReadonlyMap<string, Fifo>): {
  stdin?: Writable;
  stdout?: Readable;
  stderr?: Readable;
} {
  return Object.fromEntries([...fifos].map(([name, { socket }]) => [name, socket]));
}

/** Node has no mkfifo(3). */
async function makeFifos(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  try {
    await promisify(execFile)("mkfifo", ["-m", "600", ...paths]);
  } catch (cause) {
    throw new ClientError("FailedPrecondition", `cannot make FIFOs: ${messageOf(cause)}`, { cause });
  }
}

function openFifo(path: string, writable: boolean): Fifo {
  // The reader first: without one a FIFO cannot be opened for writing.
  const reader = openSync(path, READ);
  let writer: number;
  try {
    writer = openSync(path, WRITE);
  } catch (error) {
    closeSync(reader);
    throw error;
  }
  const [own, keeper] = writable ? [writer, reader] : [reader, writer];
  const socket = new Socket({ fd: own, readable: !writable, writable });
  // Whoever uses the stream hears of it; nobody has to.
  socket.on("error", () => undefined);
  let kept = true;
  return {
    path,
    socket,
    dropKeeper: () => {
      if (kept) close(keeper, () => undefined);
      kept = false;
    },
  };
}

/** A stream that is closed early has been given up, which is an end as well. */
async function ended(stream: Readable): Promise<void> {
  await finished(stream, { writable: false }).catch(() => undefined);
}
