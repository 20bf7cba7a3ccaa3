/** Writes tar archives (ustar, POSIX.1-2001) that are the same on every run: no times, no owners but root. */

const BLOCK = 512;

/** One member of an archive. */
export type TarEntry =
  | { readonly type: "directory"; readonly path: string; readonly mode?: number }
  | {
      readonly type: "file";
      readonly path: string;
      readonly content: Uint8Array | string;
      readonly mode?: number;
    }
  | { readonly type: "link"; readonly path: string; readonly target: string };

const TYPE_FLAGS = { file: "0", link: "2", directory: "5" } as const;
const DEFAULT_MODES = { file: 0o644, link: 0o777, directory: 0o755 } as const;

/**
 * An archive of `entries`, in their order.
 *
 * @throws when a path has more than the 100 bytes that a plain ustar name holds
 */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const entry of entries) {
    const content = entry.type === "file" ? Buffer.from(entry.content) : Buffer.alloc(0);
    blocks.push(header(entry, content.length), content, Buffer.alloc(padding(content.length)));
  }
  // Two empty blocks end an archive.
  blocks.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(blocks);
}

function padding(length: number): number {
  return (BLOCK - (length % BLOCK)) % BLOCK;
}

/** Field offsets: name 0, mode 100, uid 108, gid 116, size 124, mtime 136, checksum 148, type 156, link 157, magic 257. */
function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const mode = entry.type === "link" ? DEFAULT_MODES.link : (entry.mode ?? DEFAULT_MODES[entry.type]);
  writeName(block, entry.path, 0);
  block.write(octal(mode, 8), 100, "latin1");
  block.write(octal(0, 8), 108, "latin1");
  block.write(octal(0, 8), 116, "latin1");
  block.write(octal(size, 12), 124, "latin1");
  block.write(octal(0, 12), 136, "latin1");
  // The checksum is taken with its own field full of blanks.
  block.write(" ".repeat(8), 148, "latin1");
  block.write(TYPE_FLAGS[entry.type], 156, "latin1");
  if (entry.type === "link") writeName(block, entry.target, 157);
  block.write("ustar\x0000", 257, "latin1");
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function writeName(block: Buffer, name: string, offset: number): void {
  if (Buffer.byteLength(name) > 100)
    throw new Error(`cannot put "${name}" into a tar archive: name is over 100 bytes`);
  block.write(name, offset, "utf8");
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}
