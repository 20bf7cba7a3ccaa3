/** Images of disks for tests: raw ones with an ext4 file system, and the footer that makes one a VHD. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";

const SECTOR = 512;

/** Types of VHD by the number in the footer. */
export const VHD_TYPE = { fixed: 2, dynamic: 3 } as const;

/** A blank image. */
export function makeBlankImage(path: string, sizeMb = 16): string {
  writeFileSync(path, "");
  truncateSync(path, sizeMb * 1024 ** 2);
  return path;
}

/** An image with an ext4 file system that holds `files`, by name. */
export function makeExt4Image(path: string, files: Readonly<Record<string, string>> = {}): string {
  const content = `${path}.content`;
  mkdirSync(content);
  for (const [name, text] of Object.entries(files)) writeFileSync(`${content}/${name}`, text);
  const made = makeExt4Of(path, content);
  rmSync(content, { recursive: true });
  return made;
}

/** … with what is in `directory`. */
export function makeExt4Of(path: string, directory: string, sizeMb = 16): string {
  makeBlankImage(path, sizeMb);
  execFileSync("mkfs.ext4", ["-q", "-O", "^has_journal", "-d", directory, path]);
  return path;
}

/** Appends the footer of a VHD, which makes a raw image a fixed one. */
export function appendVhdFooter(path: string, type: number = VHD_TYPE.fixed): string {
  const footer = Buffer.alloc(SECTOR);
  footer.write("conectix", 0, "latin1");
  footer.writeBigUInt64BE(BigInt(statSync(path).size), 48);
  footer.writeUInt32BE(type, 60);
  appendFileSync(path, footer);
  return path;
}
