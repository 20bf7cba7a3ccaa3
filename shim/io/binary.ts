/**
 * Output to a logging program on Linux (`binary://`, `binary-v2://`): it reads stdout from descriptor 3 and stderr from
 * descriptor 4, and says on descriptor 5 that it is ready, with a byte or by closing it.
 */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { openLoggerPipes } from "./binary-pipes.ts";
import { loggerCommand, LoggerProcess, readiness } from "./logger-process.ts";
import type { OpenContext, StdioRequest, UpstreamStdio } from "./upstream.ts";

/** Starts the logger that stdout names; the other two fields mean nothing then. */
export async function openLogger(request: StdioRequest, context: OpenContext): Promise<UpstreamStdio> {
  return context.transport === "named-pipe"
    ? openLoggerPipes(request, context)
    : openLoggerDescriptors(request, context);
}

interface Pipe {
  readonly read: number;
  readonly write: number;
}

async function openLoggerDescriptors(request: StdioRequest, context: OpenContext): Promise<UpstreamStdio> {
  const command = loggerCommand(request, context);
  // Real pipes, since programs reopen /dev/fd/3, which fails on sockets. Loaded late: it brings the FFI package.
  const { pipe } = await import("../../hcs/posix/libc.ts");
  const [out, err, ready] = openPipes(pipe);
  let logger: LoggerProcess;
  try {
    logger = new LoggerProcess({
      command,
      request,
      stdio: ["ignore", "ignore", "ignore", out.read, err.read, ready.write],
      budgets: context.loggers,
      clock: context.clock,
    });
  } catch (error) {
    for (const fd of [out.write, err.write, ready.read]) closeSync(fd);
    throw error;
  } finally {
    // The logger's ends are the logger's alone, else neither side would see the other go.
    for (const fd of [out.read, err.read, ready.write]) closeSync(fd);
  }

  const stdout = new Socket({ fd: out.write, readable: false, writable: true });
  const stderr = new Socket({ fd: err.write, readable: false, writable: true });
  for (const stream of [stdout, stderr]) stream.on("error", () => undefined);
  const closePipes = (): void => {
    stdout.destroy();
    stderr.destroy();
  };
  const readyPipe = new Socket({ fd: ready.read, readable: true, writable: false });
  try {
    await logger.ready(readiness(readyPipe), context.signal);
  } catch (error) {
    closePipes();
    await logger.abandon();
    throw error;
  } finally {
    readyPipe.destroy();
  }
  // With a terminal nothing is ever written to stderr; end of file there says so.
  if (request.terminal) stderr.end();
  return {
    paths: { stdin: request.stdin, stdout: request.stdout, stderr: request.stderr },
    stdout,
    ...(request.terminal ? {} : { stderr }),
    closeStdin: () => undefined,
    close: async () => {
      closePipes();
      await logger.stop();
    },
  };
}

function openPipes(pipe: () => Pipe): [Pipe, Pipe, Pipe] {
  const pipes: Pipe[] = [];
  try {
    return [take(), take(), take()];
  } catch (error) {
    for (const { read, write } of pipes) [read, write].forEach(closeSync);
    throw error;
  }

  function take(): Pipe {
    const one = pipe();
    pipes.push(one);
    return one;
  }
}
