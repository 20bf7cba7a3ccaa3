/** Pipes of the host in one container: clients of the relay program inside are joined to the servers outside. */
import type { Socket } from "node:net";
import { createDeferred, type Deferred } from "../../../../deferred.ts";
import { describeHresult, hresultFromWin32 } from "../../../../hresult.ts";
import { describe, GuestError, RESULT } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { PipeConnection, type Send } from "./connection.ts";
import { encodeFrame, FRAME, FrameReader, type Frame } from "./frames.ts";
import type { HostPipe } from "./host-pipe.ts";

export interface MappedHostPipe {
  /** In the container, without `\\.\pipe\`. */
  readonly name: string;
  readonly host: HostPipe;
}

/** The relay program's standard streams. */
export interface RelayStreams {
  readonly input: Socket;
  readonly output: Socket;
}

interface Served extends MappedHostPipe {
  isPresent: boolean;
  /** Of the answer to what is asked first. */
  readonly answered: Deferred<void>;
}

/** How long servers get to take what clients have written before the container ended. */
const DRAIN_LIMIT_MS = 2_000;

export class PipeRelay {
  readonly #pipes: readonly Served[];
  readonly #streams: RelayStreams;
  readonly #log: Log;
  readonly #reader = new FrameReader();
  readonly #connections = new Map<number, PipeConnection>();
  readonly #relayEnded = createDeferred<void>();
  #isFinishing = false;

  constructor(pipes: readonly MappedHostPipe[], streams: RelayStreams, log: Log) {
    this.#pipes = pipes.map((pipe) => ({ ...pipe, isPresent: false, answered: createDeferred<void>() }));
    this.#streams = streams;
    this.#log = log;
    const { input, output } = streams;
    output.on("data", (chunk: Buffer) => this.#hear(chunk));
    output.on("error", (error) => this.#fail(error));
    output.on("close", () => this.#end());
    // Its end is told by its output.
    input.on("error", () => undefined);
  }

  /** Resolves when clients find the pipes that have servers. @throws {GuestError} when a pipe cannot be served */
  async start(): Promise<void> {
    for (const [index, pipe] of this.#pipes.entries()) {
      pipe.answered.promise.catch(() => undefined);
      pipe.host.watch(() => this.#look(index));
      this.#look(index);
      if (!pipe.isPresent) pipe.answered.resolve();
    }
    await Promise.race([
      Promise.all(this.#pipes.map(({ answered }) => answered.promise)),
      this.#relayEnded.promise.then(() => {
        throw new GuestError(RESULT.failed, "the program that serves mapped pipes has ended");
      }),
    ]);
  }

  /**
   * Takes no more clients, and waits until servers have what those wrote that are gone – for a time: a server that does
   * not read keeps no container.
   */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    this.#send(FRAME.finish, 0);
    const limit = setTimeout(() => {
      this.#log.warning("servers of mapped pipes do not read what clients have written");
      this.close();
    }, DRAIN_LIMIT_MS);
    await this.#relayEnded.promise;
    await Promise.all([...this.#connections.values()].map(({ ended }) => ended));
    clearTimeout(limit);
  }

  /** Ends everything, whatever is under way. */
  close(): void {
    this.#isFinishing = true;
    for (const { host } of this.#pipes) host.close();
    for (const connection of this.#connections.values()) connection.destroy();
    this.#streams.input.destroy();
    this.#streams.output.destroy();
    this.#relayEnded.resolve();
  }

  #look(index: number): void {
    const pipe = this.#pipes[index];
    if (this.#isFinishing || pipe === undefined || pipe.isPresent === pipe.host.isServed) return;
    pipe.isPresent = !pipe.isPresent;
    this.#send(pipe.isPresent ? FRAME.present : FRAME.absent, index);
  }

  #hear(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) this.#act(frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  #act({ kind, id, number, data }: Frame): void {
    if (kind === FRAME.present) this.#listening(id, number);
    else if (kind === FRAME.opened) void this.#opened(id, number);
    else if (kind === FRAME.data) this.#connections.get(id)?.clientWrote(data);
    else if (kind === FRAME.taken) this.#connections.get(id)?.clientTook(number);
    else if (kind === FRAME.closed) this.#connections.get(id)?.clientGone();
    else throw new Error(`unknown frame ${kind}`);
  }

  #listening(index: number, error: number): void {
    const pipe = this.#pipes[index];
    if (pipe === undefined) return;
    if (error === 0) {
      pipe.answered.resolve();
      return;
    }
    const hresult = hresultFromWin32(error);
    const why = describeHresult(hresult)?.sentence ?? `Windows error ${error}`;
    this.#log.error("mapped pipe cannot be served", { pipe: pipe.name, error: why });
    pipe.answered.reject(
      new GuestError(
        hresult,
        `mapped pipe "${pipe.name}" cannot be served in the container: ${why}; a name that something in the container has already is taken`,
      ),
    );
  }

  async #opened(id: number, index: number): Promise<void> {
    const connection = new PipeConnection(id, this.#send);
    this.#connections.set(id, connection);
    void connection.ended.then(() => this.#connections.delete(id));
    const pipe = this.#pipes[index];
    try {
      connection.connected(await pipe?.host.connect());
    } catch (error) {
      this.#log.warning("no connection to the server of a mapped pipe", {
        pipe: pipe?.name,
        error: describe(error),
      });
      connection.connected(undefined);
    }
    this.#look(index);
  }

  readonly #send: Send = (kind, id, number = 0, data) => {
    const { input } = this.#streams;
    if (!input.writable) return;
    input.write(encodeFrame(kind, id, number));
    if (data !== undefined) input.write(data);
  };

  #fail(error: unknown): void {
    this.#log.error("the program that serves mapped pipes has failed", { error: describe(error) });
    this.close();
  }

  /** With the relay all clients are gone. */
  #end(): void {
    for (const connection of this.#connections.values()) connection.clientGone();
    this.#relayEnded.resolve();
  }
}
