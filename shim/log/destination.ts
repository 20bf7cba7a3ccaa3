/**
 * Where log lines go: the FIFO that containerd reads, the process's own stderr, or nowhere. A log nobody reads must never
 * hold up a pod: lines that do not fit are counted and left out.
 */
import { closeSync, constants, openSync, writeSync } from "node:fs";

export interface LogDestination {
  write(line: string): void;
  /** What is written afterwards is lost. */
  close(): void;
}

/** Nobody reads (EPIPE, ENXIO), or nobody reads fast enough (EAGAIN). */
const UNREAD = new Set(["EAGAIN", "EPIPE", "ENXIO"]);

/**
 * @param path FIFO in the bundle; while containerd is away lines are dropped, afterwards they arrive again
 */
export function fifoDestination(path: string): LogDestination {
  let descriptor: number | undefined;
  let dropped = 0;
  let isClosed = false;
  const tryWrite = (line: string): boolean => {
    try {
      // Without a reader the open fails; it is tried again with the next line.
      descriptor ??= openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(descriptor, line);
      return true;
    } catch (error) {
      if (UNREAD.has((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    }
  };
  return {
    write: (line) => {
      if (isClosed) return;
      if (dropped > 0 && tryWrite(droppedLine(dropped))) dropped = 0;
      if (!tryWrite(line)) dropped++;
    },
    close: () => {
      isClosed = true;
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

/** Where lines are missing. */
export function droppedLine(count: number): string {
  return `level=warning msg="log lines were dropped" count=${count}\n`;
}

export function stderrDestination(): LogDestination {
  return { write: (line) => void process.stderr.write(line), close: () => undefined };
}

export function nowhereDestination(): LogDestination {
  return { write: () => undefined, close: () => undefined };
}
