/**
 * The machine that HostProcess containers run on, as they see it: drive C: of the emulated host, or the one of the VM,
 * which is the template and what its containers have written since it booted.
 */
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { mount, MS } from "../../../posix/libc.ts";
import type { Template } from "../../windows/template.ts";

/** Where the VM's own drive is. */
const VM_DRIVE = "/run/gcs/machine";

const REGISTRY = ["system.reg", "user.reg", "userdef.reg", ".update-timestamp"];

export class GuestMachine {
  readonly #template: Template;

  constructor(template: Template) {
    this.#template = template;
  }

  /**
   * A Wine prefix in `bundle` whose drive is the machine's. Its registry is a copy of the machine's: two Wine servers
   * cannot have one registry.
   *
   * @param hostDrive the host's drive in the worker's view; undefined: that of the VM
   */
  prefixFor(bundle: string, hostDrive: string | undefined): string {
    const prefix = join(bundle, "prefix");
    const drive = join(prefix, "drive_c");
    mkdirSync(join(prefix, "dosdevices"), { recursive: true, mode: 0o755 });
    mkdirSync(drive);
    symlinkSync("../drive_c", join(prefix, "dosdevices", "c:"));
    for (const name of REGISTRY) copyFileSync(join(this.#template.prefix, name), join(prefix, name));
    mount({ source: hostDrive ?? this.#vmDrive(), target: drive, flags: MS.bind | MS.rec });
    return prefix;
  }

  #vmDrive(): string {
    const drive = join(VM_DRIVE, "c");
    if (existsSync(drive)) return drive;
    mkdirSync(VM_DRIVE, { mode: 0o700 });
    mount({
      source: "tmpfs",
      target: VM_DRIVE,
      type: "tmpfs",
      flags: MS.nosuid | MS.nodev,
      data: "mode=700",
    });
    for (const name of ["c", "upper", "work"]) mkdirSync(join(VM_DRIVE, name), { mode: 0o755 });
    const lower = join(this.#template.prefix, "drive_c");
    const data = `lowerdir=${lower},upperdir=${VM_DRIVE}/upper,workdir=${VM_DRIVE}/work`;
    mount({ source: "overlay", target: drive, type: "overlay", data });
    return drive;
  }
}
