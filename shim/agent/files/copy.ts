/** Copies of files on one machine, by the same rules as those that cross a boundary. */
import { mkdirSync } from "node:fs";
import type { FileLimits } from "../protocol/limits.ts";
import { FileReceiver, type ReceivedFile } from "./receiver.ts";
import { sendFiles } from "./sender.ts";

export interface CopyTreeOptions {
  readonly limits: FileLimits;
  readonly what: string;
  readonly wants?: (path: string) => boolean;
  readonly onProgress?: (bytes: number) => void;
}

/** Copies what is below `source`, regular files only, to below `target`: all of it or nothing. */
export function copyTree(source: string, target: string, options: CopyTreeOptions): readonly ReceivedFile[] {
  const { limits, what, wants, onProgress } = options;
  mkdirSync(target, { recursive: true });
  const receiver = new FileReceiver({ root: target, limits, what, allAtOnce: true });
  try {
    for (const frame of sendFiles(source, { limits, what, ...(wants === undefined ? {} : { wants }) })) {
      receiver.receive(frame);
      onProgress?.(frame.chunk.length);
    }
    receiver.finish();
    return receiver.files;
  } finally {
    receiver.discard();
  }
}
