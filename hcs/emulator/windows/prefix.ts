/**
 * What a container's drive C: and registry are made of: layers (`windowsfilter` folders) over the template, and a
 * scratch disk that takes what is written. The scratch holds a Wine prefix whose `drive_c` is the drive.
 */
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { mount } from "../../posix/libc.ts";
import { shortenLayers } from "../storage/overlay-options.ts";
import type { Template } from "./template.ts";

/** Files of a Wine prefix that together are the registry. */
const REGISTRY = ["system.reg", "user.reg", "userdef.reg"] as const;

/** The moment the template was brought up to date: as long as it is the same, Wine changes nothing by itself. */
const UPDATED = ".update-timestamp";

/** A layer that cannot be used. Its text says which, and why. */
export class LayerError extends Error {
  override readonly name = "LayerError";
}

export interface ScratchPaths {
  /** The Wine prefix: `WINEPREFIX` of every process of the container. */
  readonly prefix: string;
  /** The root of drive C:. */
  readonly drive: string;
}

/** Where things are on a scratch disk that is mounted at `directory`. */
export function scratchPaths(directory: string): ScratchPaths {
  const prefix = join(directory, "prefix");
  return { prefix, drive: join(prefix, "drive_c") };
}

/**
 * Merges the layers over the template, below the scratch that is mounted at `scratch`. The registry is composed the first
 * time a scratch is used, and stays with it.
 *
 * @param layers folders of image layers, uppermost first
 * @throws {LayerError}
 */
export function composeDrive(scratch: string, layers: readonly string[], template: Template): ScratchPaths {
  const files = layers.map(requireFiles);
  const paths = scratchPaths(scratch);
  if (!existsSync(paths.prefix)) composePrefix(scratch, layers, template);
  const [upper, work] = ["upper", "work"].map((name) => {
    const directory = join(scratch, name);
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    return directory;
  });
  const lower = [...files, join(template.prefix, "drive_c")].map((path) => path.replaceAll(":", "\\:"));
  mountOverlay(paths.drive, [`lowerdir=${lower.join(":")}`, `upperdir=${upper}`, `workdir=${work}`]);
  return paths;
}

function requireFiles(layer: string): string {
  const files = join(layer, "Files");
  if (statSync(files, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new LayerError(`layer "${layer}" has no Files folder: it is no windowsfilter layer`);
  // Of two names that differ in case alone Windows programs would see one.
  const other = readdirSync(files).find(
    (name) => SYSTEM.has(name.toLowerCase()) && name !== name.toLowerCase(),
  );
  if (other === undefined) return files;
  throw new LayerError(
    `layer "${layer}" has Files/${other}, which has to be Files/${other.toLowerCase()} here: Wine looks for its own files in that case (hcsctl emulator base makes such layers)`,
  );
}

/** Directories that the template has in lower case. */
const SYSTEM = new Set(["windows", "users"]);

function composePrefix(scratch: string, layers: readonly string[], template: Template): void {
  const fresh = join(scratch, "prefix.new");
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(join(fresh, "dosdevices"), { recursive: true, mode: 0o755 });
  mkdirSync(join(fresh, "drive_c"));
  symlinkSync("../drive_c", join(fresh, "dosdevices", "c:"));
  for (const name of [...REGISTRY, UPDATED]) copyFileSync(join(template.prefix, name), join(fresh, name));
  for (const layer of [...layers].reverse()) appendHives(layer, fresh);
  renameSync(fresh, join(scratch, "prefix"));
}

/** `Hives/system.reg`, `user.reg` and `userdef.reg` of a layer: keys in Wine's text form that it adds. */
function appendHives(layer: string, prefix: string): void {
  for (const name of REGISTRY) {
    const hive = join(layer, "Hives", name);
    if (!existsSync(hive)) continue;
    // Each such file says at its top what it is, which the first of them has said already.
    const keys = readFileSync(hive, "utf8").replace(
      /^WINE REGISTRY [^\n]*\n(?:;;[^\n]*\n)?(?:#arch=[^\n]*\n)?/,
      "",
    );
    appendFileSync(join(prefix, name), `\n${keys}\n`);
  }
}

/** Adds text to the registry of a prefix that no process uses. */
export function appendRegistry(prefix: string, text: string): void {
  if (text !== "") appendFileSync(join(prefix, "system.reg"), text);
}

function mountOverlay(target: string, data: readonly string[]): void {
  const text = data.join(",");
  // mount(2) takes a page; with many layers their names alone are given, from the directory above them.
  const shortened = Buffer.byteLength(text) < 4096 ? undefined : shortenLayers(data);
  const before = process.cwd();
  if (shortened !== undefined) process.chdir(shortened.directory);
  try {
    mount({ source: "overlay", target, type: "overlay", data: (shortened?.data ?? data).join(",") });
  } finally {
    if (shortened !== undefined) process.chdir(before);
  }
}

/** Takes a copy of the template's empty disk, which stays sparse. */
export function copyBlankDisk(template: Template, path: string): void {
  const fresh = `${path}.new`;
  // Node's own copy would write out twenty gigabytes of nothing: cp skips what is not there.
  rmSync(fresh, { force: true });
  sparseCopy(template.blankDisk, fresh);
  renameSync(fresh, path);
}

function sparseCopy(from: string, to: string): void {
  writeFileSync(to, "", { mode: 0o600 });
  const outcome = spawnSync("cp", ["--sparse=always", "--reflink=auto", "--", from, to], {
    encoding: "utf8",
  });
  if (outcome.status === 0) return;
  throw new Error(
    `cannot copy "${from}" to "${to}": ${outcome.stderr.trim() || (outcome.error?.message ?? "")}`,
  );
}
