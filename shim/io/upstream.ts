/**
 * The upstream side of a task's stdio: what containerd's client made and named in Create or Exec, whatever its form.
 */
import type { Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";
import type { Clock } from "../clock.ts";

/** The three paths or URIs of a task; "" is a stream nobody asked for. */
export interface StdioPaths {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StdioRequest extends StdioPaths {
  /** One stream for both outputs: `stderr` is ignored. Whether naming it is an error is for the caller to say. */
  readonly terminal: boolean;
  readonly namespace: string;
  readonly containerId: string;
  /** Absent for the init process. */
  readonly execId?: string;
}

/**
 * The client's end of a task's stdio. Streams exist only where the client asked for them; ask the process for pipes
 * accordingly. Ending `stdout` or `stderr` is end of file to the client.
 */
export interface UpstreamStdio {
  /** What State and the create event report. Differs from the request where the shim itself made the pipes. */
  readonly paths: StdioPaths;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  /**
   * CloseIO: from now on `stdin` ends as soon as the client has closed its end, too, and all it wrote was read.
   * Idempotent.
   */
  closeStdin(): void;
  /** Releases everything, what has not been delivered included. Idempotent; waits for a logger to end. */
  close(): Promise<void>;
}

/** How schemeless paths are meant: FIFOs that the client made, or named pipes that the client serves. */
export type StdioTransport = "fifo" | "named-pipe";

/** Finds streams that containerd opened to this shim earlier, by their id (`<container or exec id>-stdout`). */
export interface StreamResolver {
  reader(streamId: string, signal: AbortSignal): Promise<Readable>;
  writer(streamId: string, signal: AbortSignal): Promise<Writable>;
}

/** What openers need besides the request. */
export interface OpenContext {
  readonly transport: StdioTransport;
  readonly clock: Clock;
  /** Budget of the opening. Has no effect on what was opened. */
  readonly signal: AbortSignal;
  readonly namedPipes: NamedPipeOptions;
  readonly loggers: LoggerOptions;
  readonly streams?: StreamResolver;
}

/** Opens one kind of stdio. All or nothing. */
export type StdioOpener = (request: StdioRequest, context: OpenContext) => Promise<UpstreamStdio>;

export interface NamedPipeOptions {
  /** Total time a lost client is looked for; 0 is for ever (`io_retry_timeout_in_sec`). */
  readonly retryTimeoutMs: number;
  /** After CloseIO, how long stdin may be silent before it counts as ended although the client holds it open. */
  readonly stdinLingerMs: number;
  /** Dials a pipe. */
  readonly connect?: PipeConnector;
  /** A number in [0, 1), for the spread of retries. */
  readonly random?: () => number;
}

/** A connection to a pipe server. */
export type PipeConnection = Duplex & Pick<Socket, "bytesRead">;

/** Connects to the pipe server at `path`. */
export type PipeConnector = (path: string, signal: AbortSignal) => Promise<PipeConnection>;

/** Budgets of a logging program (`binary://`). */
export interface LoggerOptions {
  /** From its start until it says that it is ready. */
  readonly readyMs: number;
  /** From the end of its input until it is asked to go (SIGTERM): a logger that ends by itself loses nothing. */
  readonly exitMs: number;
  /** From being asked until it is killed. */
  readonly terminateMs: number;
  /** Where the pipes of a Windows logger are served: `name` → path. */
  readonly pipePath?: (name: string) => string;
}
