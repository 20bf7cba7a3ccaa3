/** Archives whose bytes depend on nothing but what is in them. */
import { chmodSync, createWriteStream, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import { mustRun } from "../../test/support/command.ts";

/** Seconds since the epoch that every entry has: 1980, the earliest that a zip can say. */
const EPOCH = 315_532_800;

const DPKG_TIMEOUT_MS = 5 * 60_000;

/** A file of a package for Linux. */
export interface LinuxFile {
  readonly content: Uint8Array;
  readonly executable: boolean;
}

/** By path in the package; a string is a symbolic link. */
export type LinuxTree = ReadonlyMap<string, LinuxFile | string>;

export async function writeZip(files: ReadonlyMap<string, Uint8Array>, target: string): Promise<void> {
  const zip = new ZipFile();
  // Fields of local time are what a zip has.
  const attributes = { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true };
  for (const [path, bytes] of files) zip.addBuffer(Buffer.from(bytes), path, attributes);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(target));
}

/** Writes a tree to disk. */
export function layOut(tree: LinuxTree, root: string): void {
  for (const [path, entry] of tree) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    if (typeof entry === "string") {
      symlinkSync(entry, target);
      continue;
    }
    writeFileSync(target, entry.content);
    chmodSync(target, entry.executable ? 0o755 : 0o644);
  }
}

/** @param name of the directory in `parent` that becomes the archive's only top-level entry */
export async function tarGzip(parent: string, name: string, target: string): Promise<void> {
  const plain = target.replace(/\.gz$/, "");
  await mustRun("tar", [
    ...["--create", "--file", plain, "--directory", parent],
    ...["--format=posix", "--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f"],
    ...["--sort=name", `--mtime=@${EPOCH}`, "--owner=0", "--group=0", "--numeric-owner", "--mode=go-w"],
    name,
  ]);
  await mustRun("gzip", ["--no-name", "--force", plain]);
}

/** @param root file system tree of the package, with its `DEBIAN` directory */
export async function debianPackage(root: string, target: string): Promise<void> {
  const env = { SOURCE_DATE_EPOCH: String(EPOCH) };
  await mustRun("dpkg-deb", ["--root-owner-group", "--build", root, target], {
    env,
    timeoutMs: DPKG_TIMEOUT_MS,
  });
}
