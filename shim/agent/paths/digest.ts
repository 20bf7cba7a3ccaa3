/**
 * One digest for a set of files: the same for every spelling of their paths and every order they are listed in.
 *
 * The price of one key for all spellings: on file systems that tell upper case from lower case, two files whose paths
 * differ by that only have one key. They are refused where their contents differ; no one of them is picked.
 */
import { createHash } from "node:crypto";
import { blake3 } from "@noble/hashes/blake3.js";
import { PathRefusal } from "./refusal.ts";

/** Digests carry the name of their algorithm, so that no two kinds are ever compared. */
export type DigestAlgorithm = "sha256" | "blake3";

/** A hash of 32 bytes that takes its input piece by piece. */
export interface DigestHash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** Both for contents and for manifests. SHA-256 is Node's own and several times faster. */
export const DIGEST_HASHES: Readonly<Record<DigestAlgorithm, () => DigestHash>> = {
  sha256: () => createHash("sha256"),
  blake3: () => blake3.create(),
};

export interface ManifestEntry {
  /** A host path or wire path. */
  readonly file: { readonly path: string; readonly digestKey: string };
  /** Digest of the file's content, by the algorithm of the manifest: 32 bytes. */
  readonly content: Uint8Array;
}

const CONTENT_DIGEST_BYTES = 32;

/**
 * The digest of a set of files, as `algorithm:hex`.
 *
 * For each file: length of the key's UTF-8 bytes (64 bits, big-endian), these bytes, the content's digest; ordered by
 * the bytes of the key. Two entries of one key and one content are one file.
 *
 * @throws {PathRefusal} `CASE_COLLISION`
 * @throws {RangeError} where a content's digest has another length.
 */
export function manifestDigest(algorithm: DigestAlgorithm, entries: Iterable<ManifestEntry>): string {
  const byKey = new Map<string, ManifestEntry>();
  for (const entry of entries) {
    const { path, digestKey } = entry.file;
    if (entry.content.length !== CONTENT_DIGEST_BYTES)
      throw new RangeError(
        `cannot digest manifest: content digest of "${path}" must have ${CONTENT_DIGEST_BYTES} bytes (found ${entry.content.length})`,
      );
    const other = byKey.get(digestKey);
    if (other === undefined) byKey.set(digestKey, entry);
    else if (!Buffer.from(other.content).equals(entry.content))
      throw new PathRefusal({ code: "CASE_COLLISION", subject: "wire path", path, other: other.file.path });
  }

  const rows = [...byKey].map(([key, { content }]) => ({ key: Buffer.from(key, "utf8"), content }));
  // By bytes: the default order of strings is that of UTF-16 units, another one from U+10000 on.
  rows.sort((one, two) => Buffer.compare(one.key, two.key));
  const hash = DIGEST_HASHES[algorithm]();
  for (const { key, content } of rows) {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(key.length));
    hash.update(length);
    hash.update(key);
    hash.update(content);
  }
  return `${algorithm}:${Buffer.from(hash.digest()).toString("hex")}`;
}
