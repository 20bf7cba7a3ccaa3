/**
 * Output to a logging program on Windows (`binary://`): the shim serves three named pipes and tells the program their
 * names in its environment. It dials all three; closing the third, or a byte on it, says that it is ready.
 */
import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { abortable, startDeadline } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { StdioError } from "./errors.ts";
import { loggerCommand, LoggerProcess, readiness } from "./logger-process.ts";
import { PipeForOne } from "./pipe-for-one.ts";
import type { OpenContext, StdioRequest, UpstreamStdio } from "./upstream.ts";

const ROLES = ["stdout", "stderr", "wait"] as const;
type Role = (typeof ROLES)[number];

/** Serves the pipes, starts the logger and waits until it holds all of them and is ready. */
export async function openLoggerPipes(request: StdioRequest, context: OpenContext): Promise<UpstreamStdio> {
  const { clock, loggers: budgets, signal } = context;
  const command = loggerCommand(request, context);
  const pipePath = budgets.pipePath ?? ((name) => `\\\\.\\pipe\\${name}`);
  const paths = byRole((role) => pipePath(`binary-${request.execId ?? request.containerId}-${role}`));
  const served: PipeForOne[] = [];
  let logger: LoggerProcess | undefined;
  try {
    for (const role of ROLES) served.push(await PipeForOne.listen(paths[role]));
    const [out, err, wait] = served as [PipeForOne, PipeForOne, PipeForOne];
    const environment = {
      CONTAINER_STDOUT: paths.stdout,
      CONTAINER_STDERR: paths.stderr,
      CONTAINER_WAIT: paths.wait,
    };
    const started = new LoggerProcess({ command, request, environment, stdio: "ignore", budgets, clock });
    logger = started;
    await started.ready(wait.connected.then(readiness), signal);
    wait.close();
    // A logger dials the outputs before it says that it is ready, but the connections need not be seen in that order.
    using deadline = startDeadline(clock, budgets.readyMs, "logger did not dial its output pipes", signal);
    const [stdout, stderr] = await abortable(Promise.all([writerOf(out), writerOf(err)]), deadline.signal);
    return {
      paths: { stdin: "", stdout: paths.stdout, stderr: request.terminal ? "" : paths.stderr },
      stdout,
      ...(request.terminal ? {} : { stderr }),
      closeStdin: () => undefined,
      close: async () => {
        for (const pipe of served) pipe.close();
        await started.stop();
      },
    };
  } catch (error) {
    for (const pipe of served) pipe.close();
    await logger?.abandon();
    if (signal.aborted || error instanceof StdioError) throw error;
    throw new StdioError("unavailable", "stdout", request.stdout, messageOf(error), error);
  }
}

async function writerOf(pipe: PipeForOne): Promise<Writable> {
  return new PipeWriter(await pipe.connected);
}

function byRole<T>(make: (role: Role) => T): Record<Role, T> {
  return { stdout: make("stdout"), stderr: make("stderr"), wait: make("wait") };
}

/**
 * Ends a pipe by closing it: the reader has what is in it first. A shutdown, which is what a socket does at its end,
 * parks a thread on Windows until the reader has read everything.
 */
class PipeWriter extends Writable {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super({ decodeStrings: true });
    this.#socket = socket;
    // A logger that dies takes the pipe with it; a reader of this side hears of it at once.
    this.on("error", () => undefined);
    if (socket.destroyed) this.destroy();
    socket.once("close", () => this.destroy());
    socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#socket.write(chunk, callback);
  }

  override _final(callback: () => void): void {
    this.#socket.destroy();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}
