/**
 * Standard streams over pipes. Real pipes, because a program may open /dev/stdout anew: on a socket, which is
 * what Node would give a child, that fails.
 */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { pipe } from "../../posix/libc.ts";
import type { StreamName } from "./stdio-ports.ts";

export interface StdioPipes {
  /** The process's ends as file descriptors 0, 1, 2; `ignore` where there is no pipe. */
  readonly child: readonly (number | "ignore")[];
  /** Write end of the process's standard input. */
  readonly stdin?: Socket;
  /** Read end of its standard output. */
  readonly stdout?: Socket;
  readonly stderr?: Socket;
  /** Closes the process's ends here, once the process has them. */
  closeChildEnds(): void;
  destroy(): void;
}

/** All three streams: what an init process gets, whose streams are chosen only when it is started. */
export const ALL_STREAMS: ReadonlySet<StreamName> = new Set<StreamName>(["stdin", "stdout", "stderr"]);

export function createPipes(streams: ReadonlySet<StreamName>): StdioPipes {
  const childEnds: number[] = [];
  const ours: { stdin?: Socket; stdout?: Socket; stderr?: Socket } = {};
  const closeChildEnds = (): void => {
    for (const fd of childEnds.splice(0)) closeSync(fd);
  };
  const destroy = (): void => {
    closeChildEnds();
    for (const socket of [ours.stdin, ours.stdout, ours.stderr]) socket?.destroy();
  };
  const child: (number | "ignore")[] = ["ignore", "ignore", "ignore"];
  try {
    if (streams.has("stdin")) {
      const { read, write } = pipe();
      childEnds.push(read);
      child[0] = read;
      ours.stdin = new Socket({ fd: write, readable: false, writable: true });
    }
    for (const [index, name] of [
      [1, "stdout"],
      [2, "stderr"],
    ] as const) {
      if (!streams.has(name)) continue;
      const { read, write } = pipe();
      childEnds.push(write);
      child[index] = write;
      ours[name] = new Socket({ fd: read, readable: true, writable: false });
    }
  } catch (error) {
    destroy();
    throw error;
  }
  return { ...ours, child, closeChildEnds, destroy };
}
