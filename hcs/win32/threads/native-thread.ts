/**
 * A thread of its own for native calls that may take seconds, or for ever: attaching disks, asking a service across RPC, logging a
 * user on. On the pool of libuv they would keep the file system and name look-ups waiting, on the event loop everything.
 *
 * Calls of one thread run one after the other. One that waits can be given up; one that runs goes on to its end, because the
 * callee writes to memory that the call handed over, and its result is released when it comes.
 *
 * A thread is started by its first call and ended when it has had nothing to do for a while. A call keeps the process alive, as all
 * input and output of Node does; a process that is told to exit during a call does so at once ({@link guardExit}).
 */
import { Worker, type WorkerOptions } from "node:worker_threads";
import { abortable } from "../../abortable.ts";
import { inBackground } from "../diagnostics.ts";
import { guardExit } from "../ffi/exit.ts";
import { Lane } from "../ffi/lane.ts";
import { valueOf, type BlockingCalls, type CallAnswer, type CallRequest } from "./messages.ts";

/** Where the code of the threads is: a file, or the text of a CommonJS script (in single executables). */
export type ThreadSource =
  { readonly file: string; readonly execArgv?: readonly string[] } | { readonly code: string };

export interface CallControl<T> {
  readonly signal?: AbortSignal | undefined;
  /** Gets the result of a call that was given up while it ran. */
  readonly release?: (late: T) => Promise<unknown>;
  /** Waits for something that may never come: does not keep the process alive. */
  readonly background?: boolean;
}

/** The calls of a topic as the owner of the thread sees them. */
export type ThreadCalls<C extends BlockingCalls> = {
  readonly [N in keyof C]: (
    args: Parameters<C[N]>,
    control?: CallControl<ReturnType<C[N]>>,
  ) => Promise<ReturnType<C[N]>>;
};

/** A thread that starts costs some 20 ms and 5 MB: kept for the next step of a pod's start or end, not for its life. */
const IDLE_MS = 5_000;

export class NativeThread {
  readonly #name: string;
  readonly #source: ThreadSource;
  readonly #lane: Lane;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** @param name for diagnosis: `layers` */
  constructor(name: string, source: ThreadSource) {
    this.#name = name;
    this.#source = source;
    this.#lane = new Lane(name, 1);
    guardExit();
  }

  /** The calls of one topic of the thread, each as a method. */
  calls<C extends BlockingCalls>(topic: string): ThreadCalls<C> {
    const cache = new Map<string, unknown>();
    return new Proxy({} as ThreadCalls<C>, {
      get: (_target, name) => {
        if (typeof name !== "string") return undefined;
        const known = cache.get(name);
        if (known !== undefined) return known;
        const method = (args: readonly unknown[], control: CallControl<unknown> = {}): Promise<unknown> =>
          this.#run({ topic, name, args }, control);
        cache.set(name, method);
        return method;
      },
    });
  }

  /** Ends the thread when what it is doing has ended. What it is asked later starts it again. */
  close(): void {
    clearTimeout(this.#idle);
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #run(
    request: CallRequest,
    { signal, release, background = false }: CallControl<unknown>,
  ): Promise<unknown> {
    const done = this.#lane.run<unknown>(
      `${request.topic}.${request.name}`,
      (settle) => this.#ask(request, background, settle),
      signal,
    );
    if (release === undefined) return abortable(done, signal);
    const work = `release the late result of ${request.topic}.${request.name}`;
    return abortable(done, signal, (late) => inBackground(work, release(late)));
  }

  #ask(
    request: CallRequest,
    background: boolean,
    settle: (error: Error | null, result: unknown) => void,
  ): void {
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    const finish = (result: () => unknown): void => {
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      let value: unknown;
      try {
        value = result();
      } catch (error) {
        settle(error as Error, undefined);
        return;
      } finally {
        this.#rest(worker);
      }
      settle(null, value);
    };
    const onMessage = (answer: CallAnswer): void => finish(() => valueOf(answer));
    const onError = (error: unknown): void => this.#lost(worker, finish, error);
    const onExit = (code: number): void =>
      this.#lost(worker, finish, new Error(`it ended with code ${code}`));
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    worker.postMessage(request);
    if (background) worker.unref();
    else worker.ref();
  }

  #start(): Worker {
    const options: WorkerOptions = { name: this.#name, env: process.env, stdin: false };
    const worker =
      "code" in this.#source
        ? new Worker(this.#source.code, { ...options, eval: true })
        : new Worker(this.#source.file, {
            ...options,
            ...(this.#source.execArgv === undefined ? {} : { execArgv: [...this.#source.execArgv] }),
          });
    // Between calls nobody waits: the next call finds out.
    worker.on("error", () => this.#forget(worker));
    worker.on("exit", () => this.#forget(worker));
    return worker;
  }

  #lost(worker: Worker, finish: (result: () => unknown) => void, cause: unknown): void {
    this.#forget(worker);
    finish(() => {
      throw new Error(`the thread for ${this.#name} was lost during a call`, { cause });
    });
  }

  #forget(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined;
  }

  #rest(worker: Worker): void {
    worker.unref();
    if (this.#worker !== worker) return;
    this.#idle = setTimeout(() => this.close(), IDLE_MS).unref();
  }
}
