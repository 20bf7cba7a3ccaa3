/** A log that is read from a named pipe which the shim serves: containerd on Windows dials it. */
import type { Duplex } from "node:stream";
import { droppedLine, type LogDestination } from "./destination.ts";

/** What serves the pipe. */
export interface PipeListener {
  close(): void;
}

export type ListenOnPipe = (options: {
  onConnection(stream: Duplex): void;
  onError(error: Error): void;
}) => PipeListener;

/** What may wait for a reader that is slow. */
const MOST_WAITING_BYTES = 1024 * 1024;

/**
 * The last who dialled is the reader: a containerd that was started anew. Lines that nobody reads, or not fast enough, are
 * counted and left out.
 */
export function pipeDestination(listen: ListenOnPipe): LogDestination {
  let reader: Duplex | undefined;
  let dropped = 0;
  const leave = (stream: Duplex): void => {
    if (reader === stream) reader = undefined;
    stream.destroy();
  };
  const listener = listen({
    onConnection: (stream) => {
      reader?.destroy();
      reader = stream;
      stream.on("error", () => leave(stream));
      stream.on("close", () => leave(stream));
      // Nothing is said to it, but only who reads hears of the end.
      stream.resume();
    },
    onError: () => undefined,
  });
  return {
    write: (line) => {
      if (reader === undefined || reader.writableLength > MOST_WAITING_BYTES) {
        dropped++;
        return;
      }
      if (dropped > 0) reader.write(droppedLine(dropped));
      dropped = 0;
      reader.write(line);
    },
    close: () => {
      listener.close();
      reader?.destroy();
    },
  };
}
