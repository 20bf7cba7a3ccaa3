/**
 * Standard streams over pipes. Real pipes, because a program may open /dev/stdout anew: on a socket, which is
 * what Node would give a child, that fails.
 */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { growPipe, pipe } from "../../posix/libc.ts";
import { openReusing } from "../../reused-reads.ts";
import type { StreamName } from "./stdio-ports.ts";

/** All three streams: what an init process gets, whose streams are chosen only when it is started. */
export const ALL_STREAMS: ReadonlySet<StreamName> = new Set<StreamName>(["stdin", "stdout", "stderr"]);

/** Room in the pipes of outputs: a process that writes much is not stopped and woken again for each 64 KiB. */
const OUTPUT_PIPE_BYTES = 1 << 20;

const STREAMS: readonly StreamName[] = ["stdin", "stdout", "stderr"];

export class StdioPipes {
  /** The process's ends as file descriptors 0, 1, 2; `ignore` where there is no pipe. */
  readonly child: readonly (number | "ignore")[];
  /** Descriptors of our ends that no socket has taken over yet. */
  readonly #ours = new Map<StreamName, number>();
  readonly #theirs: number[] = [];
  readonly #sockets: Socket[] = [];

  constructor(streams: ReadonlySet<StreamName>) {
    try {
      this.child = STREAMS.map((name) => (streams.has(name) ? this.#create(name) : "ignore"));
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  #create(name: StreamName): number {
    const { read, write } = pipe();
    const [ours, theirs] = name === "stdin" ? [write, read] : [read, write];
    if (name !== "stdin") growPipe(ours, OUTPUT_PIPE_BYTES);
    this.#ours.set(name, ours);
    this.#theirs.push(theirs);
    return theirs;
  }

  /**
   * Our end of a stream, once. Only now: a socket begins to read when it is made, and one that nobody listens to yet
   * would tell its end to nobody.
   */
  open(name: StreamName): Socket | undefined {
    const fd = this.#ours.get(name);
    if (fd === undefined) return undefined;
    this.#ours.delete(name);
    const socket =
      name === "stdin"
        ? new Socket({ fd, readable: false, writable: true })
        : openReusing({ fd, readable: true, writable: false });
    this.#sockets.push(socket);
    return socket;
  }

  /** Closes our end of a stream: the process reads its end, or fails to write. */
  close(name: StreamName): void {
    const fd = this.#ours.get(name);
    if (fd === undefined) return;
    this.#ours.delete(name);
    closeSync(fd);
  }

  /** Closes the process's ends here, once the process has them. */
  closeChildEnds(): void {
    for (const fd of this.#theirs.splice(0)) closeSync(fd);
  }

  destroy(): void {
    this.closeChildEnds();
    for (const name of STREAMS) this.close(name);
    for (const socket of this.#sockets) socket.destroy();
  }
}
