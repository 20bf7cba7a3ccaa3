/** A file that others append to, read along. */
import { watch } from "node:fs";
import { mkdir, open, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";

export interface FollowOptions {
  /** Bytes to leave out. */
  readonly offset?: number;
  /** When it has settled, nothing more will be written; without one, what is there now is all. */
  readonly end?: Promise<unknown>;
  /** Where the file is put aside when another takes its place. */
  readonly before?: string;
}

const PIECE = 64 * 1024;

export async function* followFile(
  path: string,
  { offset = 0, end, before }: FollowOptions = {},
): AsyncGenerator<Buffer> {
  const changes = new Changes();
  let over = end === undefined;
  end
    ?.catch(() => undefined)
    .finally(() => {
      over = true;
      changes.note();
    });
  await mkdir(dirname(path), { recursive: true });
  // The folder, not the file, which may not be there yet.
  const watcher = over
    ? undefined
    : watch(dirname(path), (_event, name) => name === basename(path) && changes.note());
  try {
    for (let position = offset; ;) {
      changes.forget();
      // Asked before it is read: what was written until then is read.
      const isLast = over;
      if (before !== undefined && (await sizeOf(path)) < position) {
        // It is another file: what is left of the one before comes first.
        yield* piecesFrom(before, position);
        position = 0;
      }
      for await (const piece of piecesFrom(path, position)) {
        position += piece.length;
        yield piece;
      }
      if (isLast) return;
      await changes.next();
    }
  } finally {
    watcher?.close();
  }
}

/** Something has happened since it was last forgotten; how often does not matter. */
class Changes {
  #noted = false;
  #wake: (() => void) | undefined;

  note(): void {
    this.#noted = true;
    this.#wake?.();
  }

  forget(): void {
    this.#noted = false;
  }

  async next(): Promise<void> {
    if (!this.#noted) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

async function* piecesFrom(path: string, start: number): AsyncGenerator<Buffer> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    // Nothing has been written yet.
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    for (let position = start; ;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE), 0, PIECE, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
