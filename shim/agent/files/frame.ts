/** A piece of a file on its way, in either direction. */

export interface FileFrame {
  readonly path: string;
  readonly chunk: Uint8Array;
  readonly eof: boolean;
  readonly sha256: Uint8Array;
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Where the chunk goes, in the first frame of a file. */
  readonly offset: bigint;
  /** Of the whole file, in its first frame; 0: not told. */
  readonly size: bigint;
}

/** What one end has of a file: complete, or its first bytes. */
export interface FilePosition {
  readonly path: string;
  readonly offset: bigint;
  readonly done: boolean;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}
