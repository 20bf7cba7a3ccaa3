/** Named pipes for the streams of a process: on Windows the client makes them, and the shim connects. */
import { randomUUID } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { ClientStdio, StreamWish } from "./stdio.ts";

interface Pipe {
  readonly path: string;
  readonly stream: PassThrough;
  /** Nobody will connect any more. */
  stop(): void;
  close(): Promise<void>;
}

/** @param prefix of the pipes' names: elsewhere than on Windows a directory's path, for tests */
export async function openPipes(wish: StreamWish, prefix = "\\\\.\\pipe\\runhcs-io-"): Promise<ClientStdio> {
  const names = [
    ...(wish.stdin ? ["stdin"] : []),
    ...(wish.stdout ? ["stdout"] : []),
    ...(wish.stderr && !wish.terminal ? ["stderr"] : []),
  ];
  const id = randomUUID();
  const pipes = new Map<string, Pipe>();
  const close = async (): Promise<void> => {
    for (const pipe of pipes.values()) await pipe.close();
  };
  try {
    for (const name of names) pipes.set(name, await openPipe(`${prefix}${id}-${name}`, name === "stdin"));
  } catch (error) {
    await close();
    throw error;
  }
  const outputs = ["stdout", "stderr"].flatMap((name) => pipes.get(name)?.stream ?? []);
  return {
    task: {
      stdin: pipes.get("stdin")?.path ?? "",
      stdout: pipes.get("stdout")?.path ?? "",
      stderr: pipes.get("stderr")?.path ?? "",
      terminal: wish.terminal,
    },
    ...(Object.fromEntries([...pipes].map(([name, { stream }]) => [name, stream])) as {
      stdin?: Writable;
      stdout?: Readable;
      stderr?: Readable;
    }),
    // A shim connects while it starts the process; after that nobody comes.
    started: () => {
      for (const pipe of pipes.values()) pipe.stop();
    },
    drained: Promise.all(
      outputs.map((stream) => finished(stream, { writable: false }).catch(() => undefined)),
    ).then(() => undefined),
    close,
  };
}

function openPipe(path: string, writable: boolean): Promise<Pipe> {
  const stream = new PassThrough();
  stream.on("error", () => undefined);
  let connection: Socket | undefined;
  return new Promise((resolve, reject) => {
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      connection = socket;
      server.close();
      socket.on("error", (error) => stream.destroy(error));
      if (writable) stream.pipe(socket);
      else socket.pipe(stream);
    });
    server.once("error", reject);
    server.listen(path, () =>
      resolve({
        path,
        stream,
        stop: () => {
          if (connection !== undefined) return;
          server.close();
          if (!writable) stream.end();
        },
        close: async () => {
          server.close();
          connection?.destroy();
          stream.destroy();
        },
      }),
    );
  });
}
