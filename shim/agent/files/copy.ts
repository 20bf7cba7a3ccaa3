/** Copies of files on one machine, by the same rules as those that cross a boundary. */
import { mkdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FileLimits } from "../protocol/limits.ts";
import { FileReceiver, type ReceivedFile } from "./receiver.ts";
import { sendFiles } from "./sender.ts";

export interface CopyTreeOptions {
  readonly limits: FileLimits;
  readonly what: string;
  readonly wants?: (path: string) => boolean;
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** Frames between two looks at what else there is to do: some megabytes of one file, or some dozen small ones. */
const FRAMES_PER_TURN = 32;

/** Copies what is below `source`, regular files only, to below `target`: all of it or nothing. */
export async function copyTree(
  source: string,
  target: string,
  options: CopyTreeOptions,
): Promise<readonly ReceivedFile[]> {
  const { limits, what, wants, onProgress, signal } = options;
  mkdirSync(target, { recursive: true });
  const receiver = new FileReceiver({ root: target, limits, what, allAtOnce: true });
  let frames = 0;
  try {
    for (const frame of sendFiles(source, { limits, what, ...(wants === undefined ? {} : { wants }) })) {
      receiver.receive(frame);
      onProgress?.(frame.chunk.length);
      frames += 1;
      if (frames % FRAMES_PER_TURN > 0) continue;
      await nextTurn();
      signal?.throwIfAborted();
    }
    receiver.finish();
    return receiver.files;
  } finally {
    receiver.discard();
  }
}
