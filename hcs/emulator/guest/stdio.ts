/** The standard streams of a process in a container: over pipes, or over a terminal. */
import type { Socket } from "node:net";
import { GuestError, RESULT } from "./errors.ts";
import { InputRelay } from "./input-relay.ts";
import { OutputRelay } from "./output-relay.ts";
import type { StdioPipes } from "./pipes.ts";
import type { Dial, StdioConnections, StreamName } from "./stdio-ports.ts";
import type { TeeLog } from "./tee-log.ts";
import type { Terminal } from "./terminal.ts";

export interface AttachOptions {
  /** Given for init processes: a broken output connection is dialled again, at the same port. */
  readonly redial?: { readonly dial: Dial; readonly ports: ReadonlyMap<StreamName, number> };
  /** Gets a copy of the output. */
  readonly tee?: TeeLog;
}

/** The guest's side of a process's streams. */
export interface GuestStdio {
  /** Joins the streams with the host's connections. Once, before the process writes anything. */
  attach(connections: StdioConnections, options?: AttachOptions): void;
  /** The process has exited. Settles when its output has reached the host, or nobody is left to take it. */
  finish(): Promise<void>;
  resize(size: { readonly height: number; readonly width: number }): void;
  /** Broken connections are no longer dialled again. */
  giveUpRedialling(): void;
  /** Ends everything at once. */
  release(): void;
}

export class PipeStdio implements GuestStdio {
  readonly #pipes: StdioPipes;
  readonly #outputs: OutputRelay[] = [];
  #input: InputRelay | undefined;

  constructor(pipes: StdioPipes) {
    this.#pipes = pipes;
  }

  attach(connections: StdioConnections, options: AttachOptions = {}): void {
    if (connections.stdin === undefined) {
      this.#pipes.close("stdin");
    } else {
      const stdin = this.#pipes.open("stdin");
      if (stdin !== undefined) this.#input = new InputRelay(connections.stdin, stdin, { forwardEnd: true });
    }
    for (const name of ["stdout", "stderr"] as const) this.#attachOutput(name, connections[name], options);
  }

  #attachOutput(name: "stdout" | "stderr", connection: Socket | undefined, options: AttachOptions): void {
    const pipe = this.#pipes.open(name);
    if (pipe === undefined) return;
    if (connection === undefined) {
      // Nobody asked for this stream: what is written to it vanishes, as with /dev/null.
      pipe.on("error", () => pipe.destroy());
      pipe.resume();
      return;
    }
    pipe.on("data", (chunk: Buffer) => options.tee?.write(chunk));
    this.#outputs.push(new OutputRelay(pipe, connection, { handshake: true, ...redialOf(name, options) }));
  }

  async finish(): Promise<void> {
    this.#input?.release();
    await Promise.all(this.#outputs.map((relay) => relay.done));
    this.#pipes.destroy();
  }

  resize(): void {
    throw new GuestError(RESULT.failed, "the process has no terminal");
  }

  giveUpRedialling(): void {
    for (const relay of this.#outputs) relay.giveUpRedialling();
  }

  release(): void {
    this.#input?.release();
    for (const relay of this.#outputs) relay.release();
    this.#pipes.destroy();
  }
}

export class TerminalStdio implements GuestStdio {
  readonly #terminal: Terminal;
  #output: OutputRelay | undefined;
  #input: InputRelay | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  attach(connections: StdioConnections, options: AttachOptions = {}): void {
    const { input, output } = this.#terminal;
    // A terminal has one output.
    connections.stderr?.destroy();
    if (connections.stdin !== undefined) {
      this.#input = new InputRelay(connections.stdin, input, { forwardEnd: false });
    }
    if (connections.stdout === undefined) {
      output.resume();
    } else {
      output.on("data", (chunk: Buffer) => options.tee?.write(chunk));
      this.#output = new OutputRelay(output, connections.stdout, {
        handshake: false,
        ...redialOf("stdout", options),
      });
    }
  }

  async finish(): Promise<void> {
    await this.#output?.done;
    this.#input?.release();
    this.#terminal.destroy();
  }

  resize(size: { readonly height: number; readonly width: number }): void {
    this.#terminal.resize(size);
  }

  giveUpRedialling(): void {
    this.#output?.giveUpRedialling();
  }

  release(): void {
    this.#output?.release();
    this.#input?.release();
    this.#terminal.destroy();
  }
}

function redialOf(name: "stdout" | "stderr", { redial }: AttachOptions): { redial?: () => ReturnType<Dial> } {
  const port = redial?.ports.get(name);
  return redial === undefined || port === undefined ? {} : { redial: () => redial.dial(port) };
}
