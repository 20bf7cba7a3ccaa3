/** How much of anything one piece of work may be. Both ends hold them: neither trusts the other. */

const KIB = 1 << 10;
const MIB = 1 << 20;
const GIB = 1 << 30;

/** Limits on files that cross, in one direction. */
export interface FileLimits {
  readonly files: number;
  readonly fileBytes: number;
  readonly totalBytes: number;
}

/** What a chunk of a file that is sent has, bytes. */
export const CHUNK_BYTES: number = 256 * KIB;

type LimitName =
  | "messageBytes"
  | "chunkBytes"
  | "stdioChunkBytes"
  | "stdioBytes"
  | "argvEntries"
  | "argumentBytes"
  | "argvBytes"
  | "commandLineCharacters"
  | "environmentEntries"
  | "environmentBytes"
  | "concurrentExecs"
  | "headerMs"
  | "idleMs"
  | "openFiles"
  | "openDirectories";

export const LIMITS: Readonly<Record<LimitName, number>> = {
  /** Of a message on the wire; gRPC's own default. */
  messageBytes: 4 * MIB,
  /** Of a chunk that is accepted. */
  chunkBytes: 1 * MIB,
  stdioChunkBytes: 64 * KIB,
  /** Of stdout and of stderr; what follows is discarded. */
  stdioBytes: 64 * MIB,
  argvEntries: 4096,
  /** Linux: MAX_ARG_STRLEN. */
  argumentBytes: 128 * KIB,
  argvBytes: 1 * MIB,
  /** Windows: what CreateProcess takes, without the NUL, in UTF-16 units. */
  commandLineCharacters: 32_766,
  environmentEntries: 1024,
  environmentBytes: 256 * KIB,
  /** Streams of one agent at a time. */
  concurrentExecs: 256,
  /** From the first byte of a stream to its header, ms. */
  headerMs: 10_000,
  /** Between two frames while files come in, ms. */
  idleMs: 60_000,
  /** Files that are open at once while more come in. */
  openFiles: 64,
  /** Directories that are open at once. */
  openDirectories: 64,
};

/** Files that go into a job. */
export const INPUT_LIMITS: FileLimits = { files: 65_536, fileBytes: 512 * MIB, totalBytes: 2 * GIB };

/** Files that come out of one. */
export const OUTPUT_LIMITS: FileLimits = { files: 4096, fileBytes: 2 * GIB, totalBytes: 2 * GIB };

/** Files that are copied: as many as people have; paths are still checked one by one. */
export const TRANSFER_LIMITS: FileLimits = {
  files: 4_000_000,
  fileBytes: 16 * 1024 * GIB,
  totalBytes: 64 * 1024 * GIB,
};
