/** Images of disks, for what must not be shared as a directory. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ShimError } from "../errors.ts";

const MIB = 1 << 20;
const BLOCK_BYTES = 4096;

/** A blank disk; it takes no space before it is written to. */
export function makeBlankDisk(image: string, sizeMb: number): void {
  writeFileSync(image, "", { mode: 0o600 });
  truncateSync(image, sizeMb * MIB);
}

/** Packs a directory into an image that is as small as it may be. */
export async function makeReadOnlyDisk(
  directory: string,
  image: string,
  signal?: AbortSignal,
): Promise<void> {
  const { bytes, files } = measure(directory);
  // Inodes and blocks of file systems, and some room: what is not used takes no space in a sparse file.
  const sizeMb = Math.ceil((bytes * 1.1 + files * 1024) / MIB) + 16;
  makeBlankDisk(image, sizeMb);
  const inodes = String(files + 64);
  await run(
    "mkfs.ext4",
    ["-q", "-F", "-O", "^has_journal", "-m", "0", "-N", inodes, "-d", directory, image],
    signal,
  );
}

function measure(directory: string): { readonly bytes: number; readonly files: number } {
  let bytes = 0;
  let files = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    files += 1;
    // A block at least, for each.
    bytes += BLOCK_BYTES;
    if (entry.isFile()) bytes += lstatSync(join(entry.parentPath, entry.name)).size;
  }
  return { bytes, files };
}

async function run(program: string, args: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    ...(signal === undefined ? {} : { signal }),
  });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  let code: unknown;
  try {
    const ended: unknown[] = await once(child, "close");
    code = ended[0];
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "it is not installed" : String(cause);
    throw new ShimError("HOST_UNFIT", `cannot run ${program}: ${why}`, { cause });
  }
  if (code === 0) return;
  const text = Buffer.concat(said).toString("utf8").trim();
  throw new ShimError("HOST_UNFIT", `cannot pack a disk: ${program} exited with ${String(code)}: ${text}`);
}
