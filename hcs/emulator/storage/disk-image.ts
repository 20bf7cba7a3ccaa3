/**
 * Images of virtual disks: raw ones, and fixed VHDs, which are raw with a footer behind (Virtual Hard Disk Image Format
 * Specification 1.0, "Hard Disk Footer Format").
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What an image holds, or why it cannot be used. */
export type DiskImage =
  | { readonly kind: "usable"; readonly sizeBytes: number }
  | { readonly kind: "unusable"; readonly reason: string };

const SECTOR = 512;
const FOOTER_COOKIE = "conectix";
const FOOTER_SIZE_OFFSET = 48;
const FOOTER_TYPE_OFFSET = 60;
const FIXED = 2;
const VHDX_SIGNATURE = "vhdxfile";

/** Looks at the image at `path`, a regular file. */
export function readDiskImage(path: string): DiskImage {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (readText(file, 0, VHDX_SIGNATURE.length) === VHDX_SIGNATURE) {
      return { kind: "unusable", reason: "it is a VHDX; the emulator takes raw images and fixed VHDs" };
    }
    const footer = Buffer.alloc(SECTOR);
    if (size > SECTOR) readSync(file, footer, 0, SECTOR, size - SECTOR);
    const content =
      footer.toString("latin1", 0, FOOTER_COOKIE.length) === FOOTER_COOKIE ? size - SECTOR : size;
    if (content < size && footer.readUInt32BE(FOOTER_TYPE_OFFSET) !== FIXED) {
      return {
        kind: "unusable",
        reason: "it is a dynamic or differencing VHD; the emulator takes fixed ones",
      };
    }
    const current = content < size ? footer.readBigUInt64BE(FOOTER_SIZE_OFFSET) : BigInt(content);
    const sizeBytes = current < BigInt(content) ? Number(current) : content;
    if (sizeBytes < SECTOR)
      return { kind: "unusable", reason: `it has ${sizeBytes} bytes, less than one sector` };
    return { kind: "usable", sizeBytes: sizeBytes - (sizeBytes % SECTOR) };
  } finally {
    closeSync(file);
  }
}

function readText(file: number, position: number, length: number): string {
  const buffer = Buffer.alloc(length);
  readSync(file, buffer, 0, length, position);
  return buffer.toString("latin1");
}
