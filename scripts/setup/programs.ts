/** Where programs are on this machine. */
import { accessSync, constants, readFileSync } from "node:fs";
import { join } from "node:path";

/** Folders searched after PATH: a user's PATH often lacks the administrator's. */
const SYSTEM_FOLDERS = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
] as const;

/** The absolute path of a program, or undefined when it is not installed. */
export function findProgram(name: string, path: string = process.env["PATH"] ?? ""): string | undefined {
  const folders = [...path.split(":").filter((folder) => folder.startsWith("/")), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Whether `path` is something this process may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const PT_INTERP = 3;

/**
 * Whether an ELF file runs without a dynamic linker, so that it can be all there is in a container's file system.
 * Layout: elf(5), 64-bit little endian; anything else counts as not static.
 */
export function isStaticProgram(path: string): boolean {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch {
    return false;
  }
  const ELF64_LITTLE_ENDIAN = "\x7fELF\x02\x01";
  if (file.length < 64 || file.toString("latin1", 0, 6) !== ELF64_LITTLE_ENDIAN) return false;
  const tableOffset = Number(file.readBigUInt64LE(32));
  const entrySize = file.readUInt16LE(54);
  const entries = file.readUInt16LE(56);
  if (tableOffset + entries * entrySize > file.length) return false;
  for (let entry = 0; entry < entries; entry += 1) {
    if (file.readUInt32LE(tableOffset + entry * entrySize) === PT_INTERP) return false;
  }
  return true;
}
