/** Our shim behind a script that hands it the faults a test has just asked for. */
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestRuntime } from "./runtime.ts";

/** One rule of the emulator's fault script, in its JSON form. */
export interface Fault {
  readonly operation: string;
  readonly target?: string;
  readonly nth?: number;
  readonly fail?: string;
  readonly detail?: string;
  readonly crash?: boolean;
  readonly delayUntil?: string;
  readonly disconnect?: string;
  readonly withhold?: boolean;
}

/** A folder for containerd's PATH, in front of the shim's own. */
export class FaultyShim {
  readonly folder: string;
  readonly #script: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#script = join(folder, "faults.json");
  }

  /** Makes the folder. */
  static async create(folder: string, runtime: TestRuntime): Promise<FaultyShim> {
    await mkdir(folder, { recursive: true });
    const shim = new FaultyShim(folder);
    const name = "containerd-shim-runhcs-v1";
    const wrapper = `#!/bin/sh
[ -e '${shim.#script}' ] && export RUNHCS_EMULATOR_FAULTS="$(cat '${shim.#script}')"
exec '${join(runtime.folder ?? "", name)}' "$@"
`;
    await writeFile(join(folder, name), wrapper);
    await chmod(join(folder, name), 0o755);
    return shim;
  }

  /** What every shim that is started from now on goes through. */
  async set(...faults: readonly Fault[]): Promise<void> {
    await writeFile(this.#script, JSON.stringify(faults));
  }

  /** Shims that are started from now on work as they should. */
  async clear(): Promise<void> {
    await rm(this.#script, { force: true });
  }
}
