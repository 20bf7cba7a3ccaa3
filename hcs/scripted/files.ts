/** The host's file system: what the script says is there, and what the shim makes. Names are compared without their case. */
import { win32 } from "node:path";
import { HcsError } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import type { HostFile, HostFiles } from "../port/files.ts";
import type { HostEntry } from "./platform.ts";
import type { Machine } from "./machine.ts";

interface Entry extends HostFile {
  /** Absent where only the size is known. */
  readonly content?: Uint8Array;
}

/** What is there though no entry says so. */
export type Assumption = (path: string) => HostFile | undefined;

const DIRECTORY: Entry = { kind: "directory", size: 0 };
/** What every Windows has. */
const OWN_FILES: readonly HostEntry[] = [{ path: "C:\\Windows\\System32\\cmd.exe" }];

const TEMPORARY = "C:\\Users\\shim\\AppData\\Local\\Temp";

export class ScriptedFiles implements HostFiles {
  /** Directories handed out by {@link makeTemporaryDirectory}. */
  readonly temporaryDirectories: string[] = [];
  readonly #machine: Machine;
  readonly #assume: Assumption;
  readonly #entries = new Map<string, Entry>();

  constructor(machine: Machine, entries: readonly HostEntry[] = [], assume: Assumption = () => undefined) {
    this.#machine = machine;
    this.#assume = assume;
    for (const { path, dir, size, content } of [...OWN_FILES, ...entries]) {
      if (dir === true) this.#add(path, DIRECTORY);
      else if (content === undefined) this.#add(path, { kind: "file", size: size ?? 0 });
      else this.write(path, content);
    }
  }

  write(path: string, text: string): void {
    const content = Buffer.from(text);
    this.#add(path, { kind: "file", size: content.length, content });
  }

  /** Names of the files right in a directory. */
  namesIn(directory: string): string[] {
    const prefix = `${keyOf(directory)}\\`;
    return [...this.#entries.keys()]
      .filter((key) => key.startsWith(prefix) && !key.slice(prefix.length).includes("\\"))
      .map((key) => key.slice(prefix.length));
  }

  async stat(path: string): Promise<HostFile | undefined> {
    const entry = this.#find(path);
    return entry === undefined ? undefined : { kind: entry.kind, size: entry.size };
  }

  async finalPath(path: string): Promise<string> {
    this.#require("resolve", path);
    const normal = withoutEnd(win32.normalize(path));
    const drive = /^[a-z]:/i.exec(normal)?.[0];
    const volume = drive === undefined ? undefined : lookUp(this.#machine.platform.driveVolumes ?? {}, drive);
    return drive === undefined || volume === undefined ? normal : `${volume}${normal.slice(drive.length)}`;
  }

  async answersFileIds(path: string): Promise<boolean> {
    this.#require("look at", path);
    return true;
  }

  async readFile(path: string): Promise<Uint8Array> {
    const { kind, content, size } = this.#require("read", path);
    if (kind !== "file")
      throw new HcsError({ operation: "read", target: path, hresult: HRESULT.accessDenied });
    return content ?? new Uint8Array(size);
  }

  async makeDirectory(path: string): Promise<void> {
    this.#add(path, DIRECTORY);
  }

  async copyFile(from: string, to: string): Promise<void> {
    const entry = this.#require("copy", from);
    if (this.#entries.has(keyOf(to)))
      throw new HcsError({ operation: "copy to", target: to, hresult: FILE_EXISTS });
    this.#add(to, entry);
  }

  async remove(path: string): Promise<void> {
    const key = keyOf(path);
    for (const other of [...this.#entries.keys()]) {
      if (other === key || other.startsWith(`${key}\\`)) this.#entries.delete(other);
    }
  }

  async makeTemporaryDirectory(prefix: string): Promise<string> {
    const path = win32.join(TEMPORARY, `${prefix}${this.temporaryDirectories.length + 1}`);
    this.temporaryDirectories.push(path);
    this.#add(path, DIRECTORY);
    return path;
  }

  async makeLink(link: string, target: string): Promise<void> {
    this.#machine.recorder.attempt({ call: "Symlink", link, target });
    this.#add(link, DIRECTORY);
  }

  #find(path: string): Entry | undefined {
    return this.#entries.get(keyOf(path)) ?? this.#assume(win32.normalize(path));
  }

  #require(operation: string, path: string): Entry {
    const entry = this.#find(path);
    if (entry !== undefined) return entry;
    throw new HcsError({ operation, target: path, hresult: HRESULT.fileNotFound });
  }

  /** Adds it, and the directories it is in. */
  #add(path: string, entry: Entry): void {
    this.#entries.set(keyOf(path), entry);
    const parent = win32.dirname(path);
    if (parent !== path && !this.#entries.has(keyOf(parent))) this.#add(parent, DIRECTORY);
  }
}

const FILE_EXISTS = 0x8007_0050;

/** The value under a key whose letters may be in any case. */
export function lookUp<T>(table: Readonly<Record<string, T>>, path: string): T | undefined {
  return Object.entries(table).find(([key]) => keyOf(key) === keyOf(path))?.[1];
}

function keyOf(path: string): string {
  return withoutEnd(win32.normalize(path)).toLowerCase();
}

function withoutEnd(path: string): string {
  return path.length > 3 && path.endsWith("\\") ? path.slice(0, -1) : path;
}
