/** The worker program, which stands for the kernel and root file system of Linux VMs. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import type { LinuxBootFiles } from "../../api.ts";

const KERNEL = "kernel";
const INITRD = "initrd.img";

export class BootProgram {
  /** How the program is run; the system directory follows as the last argument. */
  readonly command: readonly string[];
  /** What documents name: these files need not exist, the program is behind them. */
  readonly files: LinuxBootFiles;
  readonly #program: string;

  constructor(command: readonly string[]) {
    const program = command.findLast((part) => isAbsolute(part));
    if (program === undefined) {
      const text = command.map((part) => `"${part}"`).join(" ");
      throw new Error(`cannot use worker command ${text}: no part of it is an absolute path`);
    }
    this.command = command;
    this.#program = program;
    this.files = { directory: dirname(program), files: [INITRD, KERNEL] };
  }

  /** What is wrong with the boot files of a document; undefined when they are this program. */
  missing(kernel: string, initrd: string | undefined): string | undefined {
    const { directory } = this.files;
    const named = [
      ["KernelFilePath", kernel, KERNEL],
      ["InitRdPath", initrd, INITRD],
    ] as const;
    for (const [member, path, own] of named) {
      if (path === undefined || normalize(path) === join(directory, own)) continue;
      const pointer = `/VirtualMachine/Chipset/LinuxKernelDirect/${member}`;
      return `${pointer}: "${path}" is not there; the emulator boots "${join(directory, own)}" alone`;
    }
    return existsSync(this.#program) ? undefined : `worker program "${this.#program}" does not exist`;
  }
}
