/** The host as a machine that has Windows containers: where their files come from, and what volumes it has mounted. */
import {
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { volumeDirectory } from "../storage/volumes.ts";
import { parseDrivePath, parseVolumePath, resolveBelow } from "./paths.ts";
import { scratchPaths } from "./prefix.ts";
import { ensureTemplate, type Template } from "./template.ts";
import { findWine, NO_WINE, requireOwnPrograms, type Wine } from "./wine.ts";

export interface WindowsHostOptions {
  readonly stateDirectory: string;
  /** Where templates and the machine's own drive are kept. */
  readonly windowsDirectory: string;
  /** Where this project's own programs are: beside the worker program. */
  readonly programDirectory: string;
}

/** What every Windows container and VM needs of the host. */
export interface WindowsParts {
  readonly wine: Wine;
  readonly template: Template;
  readonly programDirectory: string;
}

/** What an error is about. */
interface Subject {
  readonly operation: string;
  readonly target: string;
}

export class WindowsHost {
  readonly #options: WindowsHostOptions;
  #parts: Promise<WindowsParts> | undefined;
  #drive: Promise<string> | undefined;

  constructor(options: WindowsHostOptions) {
    this.#options = options;
  }

  /** @throws {HcsError} HCS_E_SERVICE_NOT_AVAILABLE saying what to install */
  async require({ operation, target }: Subject): Promise<WindowsParts> {
    const parts = (this.#parts ??= this.#find());
    try {
      return await parts;
    } catch (cause) {
      // It may be installed by the next time.
      this.#parts = undefined;
      const detail = cause instanceof Error ? cause.message : String(cause);
      // The code's own hint is for Windows.
      throw new HcsError({
        ...{ operation, target, detail, cause },
        hresult: HRESULT.serviceNotAvailable,
        hint: "",
      });
    }
  }

  async #find(): Promise<WindowsParts> {
    const { windowsDirectory, programDirectory } = this.#options;
    const wine = findWine();
    if (wine === undefined) throw new Error(NO_WINE);
    requireOwnPrograms(programDirectory);
    return { wine, programDirectory, template: await ensureTemplate(windowsDirectory, wine) };
  }

  /** Drive C: of this machine, which HostProcess containers run on. Made when it is needed for the first time. */
  async drive(subject: Subject): Promise<string> {
    const { template } = await this.require(subject);
    return (this.#drive ??= Promise.resolve(makeDrive(this.#options.windowsDirectory, template)));
  }

  /** A path of the host as Linux has it: drive C: and volumes are the emulator's, all else is Linux's own. */
  async localPath(path: string, subject: Subject): Promise<string> {
    const volume = parseVolumePath(path);
    if (volume !== undefined)
      return resolveBelow(scratchPaths(this.volumeDirectory(volume.id)).drive, volume.components);
    const parsed = parseDrivePath(path);
    if (parsed === undefined) return path;
    if (parsed.drive === "c") return resolveBelow(await this.drive(subject), parsed.components);
    const detail = `this machine has drive C: and the paths of Linux, but no drive ${parsed.drive.toUpperCase()}:`;
    throw new HcsError({ ...subject, hresult: HRESULT.fileNotFound, detail });
  }

  /** Where the scratch disk of volume `id` is mounted, or would be. */
  volumeDirectory(id: string): string {
    return volumeDirectory(this.#options.stateDirectory, id);
  }
}

/**
 * The machine's drive is a copy of the template's, and lasts. Programs and libraries are hard links, as those of Windows
 * are into its component store; all else is its own.
 */
function makeDrive(windowsDirectory: string, template: Template): string {
  const drive = join(windowsDirectory, "machine", "drive_c");
  if (existsSync(drive)) return drive;
  mkdirSync(dirname(drive), { recursive: true, mode: 0o755 });
  const fresh = mkdtempSync(join(windowsDirectory, ".new-"));
  try {
    copyTree(join(template.prefix, "drive_c"), join(fresh, "drive_c"));
    try {
      renameSync(join(fresh, "drive_c"), drive);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST" && code !== "ENOTEMPTY") throw error;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return drive;
}

const PROGRAMS = /\.(?:exe|dll|sys|drv|ocx|cpl|acm|ax|nls|tlb|msstyles|ttf|fon|winmd)$/i;

function copyTree(from: string, to: string): void {
  mkdirSync(to, { mode: 0o755 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyTree(source, target);
    else if (lstatSync(source).isFile() && PROGRAMS.test(entry.name)) linkSync(source, target);
    else cpSync(source, target, { verbatimSymlinks: true });
  }
}
