/**
 * A base layer made of what Wine has: enough to run command lines in, with the folder that Windows VMs boot from. Images
 * of Windows itself do not run on Wine; layers of one's own go over this one.
 */
import { copyFileSync, existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Template } from "./template.ts";

/** Programs that people look for first; the template below all layers has the rest of Windows. */
const PROGRAMS = [
  "cmd.exe",
  "hostname.exe",
  "ipconfig.exe",
  "ping.exe",
  "reg.exe",
  "tasklist.exe",
  "whoami.exe",
];

/** Of the disk that a VM writes to; sparse. */
const VM_SCRATCH_BYTES = 64 * 1024 ** 2;

const LICENSE = `This layer was made by "hcsctl emulator base" from the files of Wine (https://www.winehq.org, LGPL 2.1 or later).
`;

/**
 * Makes a `windowsfilter` folder.
 *
 * @throws when there is something at `directory` already
 */
export function makeBaseLayer(directory: string, template: Template): void {
  if (existsSync(directory)) throw new Error(`cannot make base layer "${directory}": it exists already`);
  const system = join("Files", "windows", "system32");
  const boot = join("UtilityVM", "Files", "EFI", "Microsoft", "Boot");
  try {
    for (const path of [system, boot, "Hives"])
      mkdirSync(join(directory, path), { recursive: true, mode: 0o755 });
    const own = join(template.prefix, "drive_c", "windows", "system32");
    for (const name of PROGRAMS) {
      if (existsSync(join(own, name))) copyFileSync(join(own, name), join(directory, system, name));
    }
    writeFileSync(join(directory, "Files", "License.txt"), LICENSE);
    // What a VM boots is looked for by name; the emulator's is its worker, whatever is in this file.
    copyFileSync(join(own, "ntoskrnl.exe"), join(directory, boot, "bootmgfw.efi"));
    for (const name of ["SystemTemplate.vhdx", "SystemTemplateBase.vhdx"]) {
      writeFileSync(join(directory, "UtilityVM", name), "");
      truncateSync(join(directory, "UtilityVM", name), VM_SCRATCH_BYTES);
    }
    // What importing a base leaves behind, by which others know it for one.
    writeFileSync(join(directory, "layout"), "vhd-with-hives\n");
    writeFileSync(join(directory, "layerchain.json"), "[]\n");
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}
