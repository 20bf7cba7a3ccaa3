/** What a set of files was, in a line: for results and records. */
import { manifestDigest } from "../paths/digest.ts";
import type { WirePath } from "../paths/wire-path.ts";

export interface FilesSummary {
  readonly files: number;
  readonly bytes: number;
  /** Of paths and contents, as `sha256:hex`. */
  readonly digest: string;
}

interface Content {
  /** SHA-256. */
  readonly sha256: Uint8Array;
}

/**
 * The digest of the files of a job: the same however a checkout's paths are spelled.
 *
 * @throws {PathRefusal} where two files are one on file systems that fold case, and differ
 */
export function jobDigest(files: Iterable<Content & { readonly file: WirePath }>): string {
  return manifestDigest(
    "sha256",
    [...files].map(({ file, sha256 }) => ({ file, content: sha256 })),
  );
}

/** Of a copy: two names that differ by case stay two. */
export function summarizeCopy(
  files: ReadonlyMap<string, Content & { readonly bytes: number }>,
): FilesSummary {
  let bytes = 0;
  const entries = [...files].map(([path, file]) => {
    bytes += file.bytes;
    return { file: { path, digestKey: path }, content: file.sha256 };
  });
  return { files: entries.length, bytes, digest: manifestDigest("sha256", entries) };
}
