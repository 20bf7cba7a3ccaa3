/**
 * Files to and from a container. There are several ways, and a container takes the first that works for it; a client may
 * be given further ones, which are asked first.
 */
import type { Container } from "../container.ts";
import { ClientError } from "../errors.ts";

export interface FileCopy {
  readonly hostPath: string;
  readonly containerPath: string;
}

export interface CopyOptions {
  /** Missing parent directories are made. */
  readonly mkdirs?: boolean;
  /** Directories with all they hold; refused otherwise. */
  readonly recursive?: boolean;
  /** Nothing is copied after the first failure. */
  readonly stopOnError?: boolean;
  /** Bytes of one file; larger ones are refused. */
  readonly maxBytes?: number;
  readonly onProgress?: (bytes: number) => void;
}

export interface CopyResult extends FileCopy {
  readonly status: "ok" | "failed" | "skipped";
  /** Of all files together. */
  readonly bytes: number;
  /** Permissions of a single file. */
  readonly mode?: number;
  /** Why it failed. */
  readonly error?: Error;
}

/** One way to copy. What it copies is one file, or one directory. */
export interface FileTransport {
  readonly name: string;
  /** Whether this container can be reached this way now. */
  serves(container: Container): Promise<boolean>;
  /** @throws when it cannot be copied */
  upload(container: Container, copy: FileCopy, options: CopyOptions): Promise<CopiedFile>;
  download(container: Container, copy: FileCopy, options: CopyOptions): Promise<CopiedFile>;
}

export interface CopiedFile {
  readonly bytes: number;
  readonly mode?: number;
}

/** @throws {ClientError} ResourceExhausted for a file that is larger than `maxBytes` */
export function requireSize(name: string, size: number, { maxBytes = Infinity }: CopyOptions): void {
  if (size <= maxBytes) return;
  throw new ClientError(
    "ResourceExhausted",
    `"${name}" has ${size} bytes, more than the ${maxBytes} allowed`,
    { name, size },
  );
}
