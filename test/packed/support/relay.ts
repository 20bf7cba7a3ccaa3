/**
 * Runs under Wine: carries the bytes of named pipes, which only a Windows program can open, to a test on the Linux side, by
 * loopback TCP.
 */
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import {
  PIPE_BUSY,
  RELAY_PORT,
  type NumberedRequest,
  type RelayReply,
  type RelayRequest,
} from "./relay-messages.ts";

/** Who dials a pipe that nobody accepts on waits for half a minute (libuv). */
const PROBE_MS = 3000;

const port = Number(process.env[RELAY_PORT]);

function join(pipe: Socket, channel: string): void {
  const line = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  // Before anything of the pipe, which may have sent while the line is being made.
  line.write(`${channel}\n`);
  // The line ends when the pipe has been closed here, too: as long as one end is open, Wine keeps its name.
  pipe.pipe(line, { end: false });
  // The end of a pipe is its close; what was written is read first. Not by end(): a shutdown waits for the reader.
  line.pipe(pipe, { end: false });
  line.once("end", () => pipe.write("", () => pipe.destroy()));
  line.on("close", () => pipe.destroy());
  pipe.on("close", () => line.end());
  for (const socket of [pipe, line]) socket.on("error", () => undefined);
}

function handle(request: RelayRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    switch (request.op) {
      case "dial": {
        const pipe = connect(request.path);
        pipe.once("error", reject);
        pipe.once("connect", () => {
          join(pipe, request.channel);
          resolve();
        });
        break;
      }
      case "probe": {
        const pipe = connect(request.path);
        let isServed = false;
        const busy = setTimeout(() => pipe.destroy(new Error(PIPE_BUSY)), PROBE_MS);
        pipe.once("error", reject);
        pipe.once("connect", () => {
          isServed = true;
          pipe.destroy();
        });
        pipe.once("close", () => {
          clearTimeout(busy);
          if (isServed) resolve();
        });
        break;
      }
      case "serve": {
        const server = createServer((pipe) => join(pipe, request.channel));
        server.once("error", reject);
        server.listen(request.path, () => resolve());
        break;
      }
      case "kill":
        process.kill(request.pid, "SIGKILL");
        resolve();
        break;
    }
  });
}

const control = connect(port, "127.0.0.1");
control.write("control\n");
control.on("close", () => process.exit(0));
control.on("error", () => process.exit(1));
createInterface({ input: control }).on("line", (line) => {
  const request = JSON.parse(line) as NumberedRequest;
  const { id } = request;
  handle(request).then(
    () => answer({ id }),
    (error: NodeJS.ErrnoException) => answer({ id, error: error.code ?? error.message }),
  );
});

function answer(reply: RelayReply): void {
  control.write(`${JSON.stringify(reply)}\n`);
}
