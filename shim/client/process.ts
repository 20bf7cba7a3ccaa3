/** A process of a container that this client has started, or is attached to. */
import { finished, type Readable, type Writable } from "node:stream";
import type { Engine, TaskExit } from "./engine.ts";
import { ClientError } from "./errors.ts";
import type { ClientStdio } from "./io/stdio.ts";
import { signalNumber } from "./signals.ts";

export interface ProcessExit {
  /** 0-255 on Linux (128 + n for signal n), 32 bits on Windows; 4294967295 when nobody knows. */
  readonly exitCode: number;
  /** The signal that ended a Linux process, as far as its exit code can tell. */
  readonly signal?: string;
  readonly exitedAt: Date;
}

export interface ContainerProcess {
  readonly pid: number;
  /** Where they were asked for. */
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  /** The end of the process, after all of its output has been read. */
  wait(signal?: AbortSignal): Promise<ProcessExit>;
  /** @param signal its name or number; SIGTERM unless said otherwise */
  kill(signal?: string | number): Promise<void>;
  /** Of its terminal. */
  resize(size: { readonly columns: number; readonly rows: number }): Promise<void>;
}

export interface ProcessInit {
  readonly engine: Engine;
  readonly containerId: string;
  /** Empty for the container's own process. */
  readonly execId: string;
  readonly pid: number;
  readonly stdio: ClientStdio | undefined;
  /** Told what comes out. */
  readonly exitOf: (exit: TaskExit) => ProcessExit;
  /** The process has ended and its output has been read: what of it is forgotten? */
  readonly onEnd: () => Promise<void>;
}

/** How long output may keep coming after the process itself has ended: children may hold it open for ever. */
const DRAIN_MS = 10_000;

export function startedProcess(init: ProcessInit): ContainerProcess {
  const { engine, containerId, execId, pid, stdio } = init;
  if (stdio?.stdin !== undefined) endInput(init, stdio.stdin);
  const over = new AbortController();
  // Begun now, not when somebody asks: a process that is forgotten can no longer be waited for.
  const ended = (async (): Promise<ProcessExit> => {
    const exit = await engine.tasks.wait(containerId, execId, over.signal);
    if (stdio !== undefined) await within(DRAIN_MS, stdio.drained);
    await stdio?.close();
    await init.onEnd();
    return init.exitOf(exit);
  })();
  // Who does not ask need not know.
  ended.catch(() => undefined);
  return {
    pid,
    ...(stdio?.stdin === undefined ? {} : { stdin: stdio.stdin }),
    ...(stdio?.stdout === undefined ? {} : { stdout: stdio.stdout }),
    ...(stdio?.stderr === undefined ? {} : { stderr: stdio.stderr }),
    wait: (signal) => (signal === undefined ? ended : raced(ended, signal)),
    kill: (signal = "SIGTERM") => engine.tasks.kill(containerId, signalNumber(signal), { execId }),
    resize: (size) => engine.tasks.resize(containerId, execId, size),
  };
}

/** A FIFO's end says nothing to the shim, which holds it open for a client that comes back: it has to be told. */
function endInput({ engine, containerId, execId }: ProcessInit, stdin: Writable): void {
  // Also when it is given up half way: the process would wait for the rest for ever.
  finished(stdin, { readable: false }, () => {
    // A process that has ended in the meantime reads nothing any more.
    engine.tasks.closeStdin(containerId, execId).catch(() => undefined);
  });
}

async function within(ms: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}

function raced<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new ClientError("Unavailable", "gave up waiting for the process"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
