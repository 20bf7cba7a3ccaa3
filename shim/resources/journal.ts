/**
 * What one task holds, on disk: written before a thing is acquired, struck after its release is verified. Whoever
 * finds a journal with open entries (delete, the next start, doctor) knows what was left behind by a shim that died.
 *
 * A journal is a file of JSON lines. It lives in the bundle and, because containerd may remove a bundle that was
 * not cleaned up, under a second name in the node's state directory until everything is struck.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { identify } from "../../hcs/emulator/systems/process-identity.ts";
import { bundleFile } from "../bootstrap/bundle.ts";

/** Kinds of things a task can hold, each with what is needed to release it. */
export interface ResourceData {
  /** Mounts on and below a directory of the host. */
  readonly mount: { readonly target: string };
  /** A file of the host that was made for the task. */
  readonly file: { readonly path: string };
  /** A utility VM. */
  readonly vm: { readonly id: string };
  /** A directory shared with a VM; gone with the VM. */
  readonly share: { readonly vm: string; readonly name: string; readonly path: string };
  /** The read-only layers of a container in a VM, attached to it and mounted; gone with the VM. */
  readonly layers: { readonly vm: string; readonly container: string };
  /** A network adapter of a VM; gone with the VM. */
  readonly nic: { readonly vm: string; readonly nic: string; readonly endpoint: string };
  /** A network namespace of the host that was made for a container which brought none. */
  readonly "own-namespace": { readonly id: string };
  /** A network namespace that a VM's guest was told of; gone with the VM. */
  readonly namespace: { readonly vm: string; readonly id: string };
  /** A disk attached to a VM, and mounted unless its path is empty; gone with the VM. */
  readonly disk: { readonly vm: string; readonly path: string; readonly guestPath: string };
  /** A root file system that a guest has made of layers; gone with the VM. */
  readonly "combined-layers": { readonly vm: string; readonly root: string };
  /** A named pipe of the host that a VM may use; gone with the VM. */
  readonly pipe: { readonly vm: string; readonly path: string };
  /** A device of the host that a VM was given; gone with the VM. */
  readonly device: { readonly vm: string; readonly id: string };
  /** The address that a container in a VM has of its own; gone with this process. */
  readonly address: { readonly vm: string; readonly systemId: string };
  /** The compute system of a container on the host. */
  readonly system: { readonly id: string };
  /** A writable Windows layer: its disk attached and, unless CIMs are below it, its parents mounted. */
  readonly layer: { readonly path: string; readonly prepared: boolean };
  /** A volume that a CIM is mounted on. */
  readonly cim: { readonly volumePath: string };
  /** A union file system on a volume. */
  readonly overlay: { readonly volumePath: string };
  /** A job of the host; gone with this process. */
  readonly job: { readonly name: string };
  /** A volume that appears in a directory of the host. */
  readonly "mount-point": { readonly directory: string };
  /** A local account of the host. */
  readonly account: { readonly name: string };
  /** Credentials that the host keeps ready for a container. */
  readonly "credential-guard": { readonly id: string };
}

export type ResourceKind = keyof ResourceData;

export type Holding = {
  [K in ResourceKind]: { readonly kind: K; readonly key: string; readonly data: ResourceData[K] };
}[ResourceKind];

/** How a task's init process ended. */
export interface RecordedExit {
  readonly pid: number;
  /** Unsigned 32 bits. */
  readonly status: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Whose journal it is: the shim process that wrote it. */
export interface JournalOwner {
  readonly bundle: string;
  readonly shim: number;
  /** Tells the process from a later one with its pid; absent where the platform does not say. */
  readonly startTime?: number;
  /** Present when other pods live in the process. */
  readonly isShared?: true;
}

export interface JournalContents {
  /** The last shim that opened it. */
  readonly owner?: JournalOwner;
  /** What is held still, oldest first. */
  readonly held: readonly Holding[];
  /** Pid of the init process, once it was started. */
  readonly pid?: number;
  readonly exit?: RecordedExit;
}

type Line =
  | ({ readonly op: "opened" } & JournalOwner)
  | ({ readonly op: "hold" } & Holding)
  | { readonly op: "strike"; readonly key: string }
  | { readonly op: "started"; readonly pid: number }
  | ({ readonly op: "exited" } & RecordedExit);

const SUFFIX = ".jsonl";

/** Where the node keeps a second name of a task's journal. */
export function nodeJournalPath(stateDirectory: string, namespace: string, id: string): string {
  return join(stateDirectory, "journals", namespace, `${id}${SUFFIX}`);
}

export interface JournalPlace {
  readonly bundle: string;
  readonly stateDirectory: string;
  readonly namespace: string;
  readonly id: string;
  /** The process has other pods. */
  readonly isShared?: true;
  /** When this process was started, as its platform counts; found out here unless given. */
  readonly startTime?: number;
}

/** What one task holds, written down. */
export interface Journal {
  /** Before something is acquired. */
  hold(holding: Holding): void;
  /** After its release was verified, or its acquisition failed without a trace. */
  strike(key: string): void;
  started(pid: number): void;
  exited(exit: RecordedExit): void;
  /** The end of the task. What is held still stays written. */
  close(): void;
}

/** A journal on disk, under its two names. */
export class FileJournal implements Journal {
  readonly #place: JournalPlace;
  readonly #descriptors: readonly number[];
  readonly #held = new Set<string>();

  private constructor(place: JournalPlace, descriptors: readonly number[]) {
    this.#place = place;
    this.#descriptors = descriptors;
  }

  /**
   * Starts the journal of a task, or continues an older one of the same task.
   *
   * @param held keys of what the older one holds still
   */
  static open(place: JournalPlace, held: readonly string[] = []): FileJournal {
    const inBundle = bundleFile(place.bundle, "journal");
    const onNode = nodeJournalPath(place.stateDirectory, place.namespace, place.id);
    const open = (path: string): number => openSync(path, "a", 0o600);
    const first = open(inBundle);
    try {
      const both = linkOnNode(inBundle, onNode) ? [first] : [first, open(onNode)];
      const journal = new FileJournal(place, both);
      for (const key of held) journal.#held.add(key);
      const startTime = place.startTime ?? identify(process.pid)?.startTime;
      journal.#write({
        op: "opened",
        bundle: place.bundle,
        shim: process.pid,
        ...(startTime === undefined ? {} : { startTime }),
        ...(place.isShared === true ? { isShared: true } : {}),
      });
      return journal;
    } catch (error) {
      closeSync(first);
      throw error;
    }
  }

  hold(holding: Holding): void {
    this.#write({ op: "hold", ...holding });
    this.#held.add(holding.key);
  }

  strike(key: string): void {
    this.#write({ op: "strike", key });
    this.#held.delete(key);
  }

  started(pid: number): void {
    this.#write({ op: "started", pid });
  }

  exited(exit: RecordedExit): void {
    this.#write({ op: "exited", ...exit });
  }

  /** The end of the task. Its second name goes, unless something is held still. */
  close(): void {
    for (const descriptor of this.#descriptors) closeSync(descriptor);
    if (this.#held.size === 0) forgetJournal(this.#place);
  }

  #write(line: Line): void {
    // Descriptors, not paths: they stay valid when containerd has removed the bundle. One write per line: a reader of a torn file loses at most the last line.
    for (const descriptor of this.#descriptors) writeSync(descriptor, `${JSON.stringify(line)}\n`);
  }
}

/**
 * One file with two names where both are on one file system.
 *
 * @returns false where they are not: then there are two files, written alike
 */
function linkOnNode(inBundle: string, onNode: string): boolean {
  rmSync(onNode, { force: true });
  for (;;) {
    mkdirSync(dirname(onNode), { recursive: true, mode: 0o700 });
    try {
      linkSync(inBundle, onNode);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EXDEV") return false;
      // Another shim, whose last task ended just now, has taken the empty directory away.
      if (code !== "ENOENT" || !existsSync(inBundle)) throw error;
    }
  }
}

/** Reads a journal; without one nothing is held. A torn last line was never acted on and is left out. */
export function readJournal(path: string): JournalContents {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { held: [] };
    throw error;
  }
  const held = new Map<string, Holding>();
  let owner: JournalOwner | undefined;
  let pid: number | undefined;
  let exit: RecordedExit | undefined;
  for (const line of text.split("\n").slice(0, -1)) {
    const entry = JSON.parse(line) as Line;
    switch (entry.op) {
      case "opened": {
        const { bundle, shim, startTime, isShared } = entry;
        owner = {
          ...{ bundle, shim },
          ...(startTime === undefined ? {} : { startTime }),
          ...(isShared === true ? { isShared } : {}),
        };
        break;
      }
      case "hold":
        held.set(entry.key, entry);
        break;
      case "strike":
        held.delete(entry.key);
        break;
      case "started":
        pid = entry.pid;
        break;
      case "exited":
        exit = { pid: entry.pid, status: entry.status, at: entry.at };
        break;
    }
  }
  return {
    held: [...held.values()],
    ...(owner === undefined ? {} : { owner }),
    ...(pid === undefined ? {} : { pid }),
    ...(exit === undefined ? {} : { exit }),
  };
}

/** Notes in a dead shim's journal what somebody else has released. */
export function strikeReleased(path: string, released: readonly Holding[]): void {
  const lines = released.map(({ key }): Line => ({ op: "strike", key }));
  // A journal that somebody has forgotten meanwhile is not made again.
  if (lines.length === 0 || !existsSync(path)) return;
  appendFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** A journal that a task has on the node. */
export interface NodeJournal {
  readonly namespace: string;
  readonly id: string;
  readonly path: string;
}

/** All tasks of the node that hold something, or may soon. */
export function listJournals(stateDirectory: string): NodeJournal[] {
  const root = dirname(dirname(nodeJournalPath(stateDirectory, "_", "_")));
  return entries(root).flatMap((namespace) =>
    entries(join(root, namespace))
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => ({
        namespace,
        id: name.slice(0, -SUFFIX.length),
        path: join(root, namespace, name),
      })),
  );
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    // ENOENT: the last task of a namespace takes its directory away.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

/** Forgets a task's journal on the node, for when nothing is held. The last one takes the directories with it. */
export function forgetJournal(place: Omit<JournalPlace, "bundle">): void {
  const path = nodeJournalPath(place.stateDirectory, place.namespace, place.id);
  rmSync(path, { force: true });
  for (const directory of [dirname(path), dirname(dirname(path)), place.stateDirectory]) {
    if (!removeIfEmpty(directory)) return;
  }
}

function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT", "EBUSY"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return false;
    throw error;
  }
}
