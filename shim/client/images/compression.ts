/** Compressed streams are known by their first bytes: names and media types of files are often wrong. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { PassThrough, pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { ClientError } from "../errors.ts";

interface Compression {
  readonly magic: Buffer;
  open(source: Readable): Readable;
}

const COMPRESSIONS: readonly Compression[] = [
  { magic: Buffer.from([0x1f, 0x8b]), open: (source) => piped(source, createGunzip()) },
  // Node has it from version 22.15 on only: the program of the same name does it everywhere.
  { magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), open: throughZstd },
];

const LONGEST_MAGIC = Math.max(...COMPRESSIONS.map(({ magic }) => magic.length));

/** The content of `source`, whether it is compressed (gzip, zstd) or not. */
export async function uncompressed(source: Readable): Promise<Readable> {
  if (source.readableLength < LONGEST_MAGIC)
    await Promise.race([once(source, "readable"), once(source, "end")]);
  const start = source.read() as Buffer | null;
  if (start === null) return source;
  source.unshift(start);
  const compression = COMPRESSIONS.find(({ magic }) => start.subarray(0, magic.length).equals(magic));
  return compression === undefined ? source : compression.open(source);
}

function piped<T extends NodeJS.ReadWriteStream>(source: Readable, through: T): Readable {
  // An error of either becomes an error of the result, which whoever reads it hears of.
  pipeline(source, through, () => undefined);
  return through as unknown as Readable;
}

function throughZstd(source: Readable): Readable {
  const child = spawn("zstd", ["-dcq"], { stdio: ["pipe", "pipe", "inherit"] });
  const output = new PassThrough();
  const fail = (reason: string, cause?: unknown): void =>
    void output.destroy(
      new ClientError("FailedPrecondition", `cannot decompress zstd: ${reason}`, { cause }),
    );
  child.once("error", (error) => fail(`${error.message}: install zstd`, error));
  child.once("close", (code) => (code === 0 ? output.end() : fail(`zstd ended with status ${code}`)));
  child.stdout.pipe(output, { end: false });
  pipeline(source, child.stdin, () => undefined);
  return output;
}
