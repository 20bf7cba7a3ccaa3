/** A recording in a file. */
import { channel } from "node:diagnostics_channel";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { formatLine, type TraceHeader, type TraceLine } from "./format.ts";
import type { TraceSink } from "./recorder.ts";

/** Name of the diagnostics channel that tells of recordings that could not go on; messages are {@link TraceFailure}s. */
export const TRACE_FAILURES = "runhcs:hcs.trace";

export interface TraceFailure {
  readonly path: string;
  readonly error: unknown;
}

const failures = channel(TRACE_FAILURES);

/** For its owner alone: a recording has everything, environments and credentials too. */
const MODE = 0o600;

export interface TraceFile extends TraceSink {
  /** What is written later is dropped. Idempotent. */
  close(): void;
}

/**
 * Makes the file, and its directory. Lines are written at once and not in the background: the last ones are what one
 * wants when the process dies. When the disk is full the recording ends there, and what is recorded goes on.
 *
 * @throws when the file exists, or cannot be made
 */
export function openTraceFile(path: string): TraceFile {
  mkdirSync(dirname(path), { recursive: true });
  return fileSink(openSync(path, "wx", MODE), path);
}

/** A recording in a file that is open already, and is closed with it. */
export function fileSink(open: number, path: string): TraceFile {
  let descriptor: number | undefined = open;
  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  return {
    close,
    write(line: TraceHeader | TraceLine): void {
      if (descriptor === undefined) return;
      try {
        writeAll(descriptor, Buffer.from(formatLine(line)));
      } catch (error) {
        close();
        failures.publish({ path, error } satisfies TraceFailure);
      }
    },
  };
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}
