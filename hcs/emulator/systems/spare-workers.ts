/**
 * Workers of VMs that are booted before there is a VM for them: booting Node in new namespaces is most of what making one
 * takes. A spare is a process of its holder and nothing else – it has no directory, no mounts on the host, no cgroup, and is no
 * compute system – and ends with its holder, whatever ends that. Whoever finds none boots a worker as ever.
 */
import { constants, mkdirSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { announce } from "../diagnostics.ts";
import { SPARE_FLAG } from "../worker/messages.ts";
import { canonicalPath } from "./state-directory.ts";
import { spawnWorker, type LaunchedWorker, type WorkerProgram } from "./worker-launch.ts";

/** What a worker is born with, and cannot change later. */
export interface SpareTraits extends WorkerProgram {
  /** Whose systems it can become. */
  readonly stateDirectory: string;
}

export interface SpareWorkersInit extends SpareTraits {
  /** A spare that nobody has taken for so long ends. Milliseconds. */
  readonly idleMs: number;
}

/** A worker that waits, or may still be booting. */
export interface SpareWorker extends LaunchedWorker {
  /** The file it writes to, which has no name. */
  readonly log: number;
  /** How the shares of its system come to it. */
  readonly sharesSocket: Socket;
}

/** Whoever takes a spare is making a pod, and wants the processors for it. */
const REFILL_AFTER_MS = 500;

export class SpareWorkers {
  readonly #init: SpareWorkersInit;
  #spare: Promise<SpareWorker | undefined> | undefined;
  #idle: NodeJS.Timeout | undefined;
  #refill: NodeJS.Timeout | undefined;
  #isRefilled = false;

  constructor(init: SpareWorkersInit) {
    this.#init = { ...init, stateDirectory: canonicalPath(init.stateDirectory) };
  }

  /** Boots a spare, unless there is one. Where that fails there is none. */
  prepare(): void {
    if (this.#spare !== undefined) return;
    const spare = this.#boot().catch((error: unknown) => {
      announce({ event: "spare-not-booted", error });
      return undefined;
    });
    this.#spare = spare;
    this.#idle = setTimeout(() => this.close(), this.#init.idleMs).unref();
    void spare.then((one) => one?.ended).then(() => this.#forget(spare));
  }

  /** From now on a spare that is taken is followed by another, for the next VM. */
  keepReady(): void {
    this.#isRefilled = true;
  }

  /** Gives the spare away. @returns undefined where there is none with these traits */
  async take(wanted: SpareTraits): Promise<SpareWorker | undefined> {
    if (!isSame(wanted, this.#init)) return undefined;
    const taken = this.#spare;
    this.#spare = undefined;
    clearTimeout(this.#idle);
    if (this.#isRefilled) {
      clearTimeout(this.#refill);
      this.#refill = setTimeout(() => this.prepare(), REFILL_AFTER_MS).unref();
    }
    const spare = await taken;
    if (spare !== undefined) setReferenced(spare, true);
    return spare;
  }

  /** Ends the spare, if there is one. */
  close(): void {
    const spare = this.#spare;
    this.#spare = undefined;
    clearTimeout(this.#idle);
    clearTimeout(this.#refill);
    void spare?.then((one) => {
      if (one !== undefined) endSpare(one);
    });
  }

  #forget(spare: Promise<SpareWorker | undefined>): void {
    if (this.#spare !== spare) return;
    this.#spare = undefined;
    clearTimeout(this.#idle);
  }

  async #boot(): Promise<SpareWorker> {
    const { stateDirectory } = this.#init;
    mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
    // Without a name until it belongs to a system.
    const log = openSync(stateDirectory, O_TMPFILE | constants.O_RDWR | constants.O_APPEND, 0o600);
    const args = [SPARE_FLAG, stateDirectory];
    const launched = await spawnWorker(this.#init, args, "vm", log, ["pipe", "pipe"]);
    const spare = { ...launched, log, sharesSocket: launched.process.stdio[4] as Socket };
    // That it breaks is that the worker ends.
    spare.sharesSocket.on("error", () => undefined);
    setReferenced(spare, false);
    return spare;
  }
}

/** `O_TMPFILE` has the bit of `O_DIRECTORY`, which differs between architectures. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

function isSame(one: SpareTraits, other: SpareTraits): boolean {
  const key = ({ stateDirectory, command, environment }: SpareTraits): string =>
    JSON.stringify([stateDirectory, command, Object.entries(environment).sort()]);
  return key(one) === key(other);
}

function endSpare(spare: SpareWorker): void {
  spare.link.close();
  spare.sharesSocket.destroy();
}

/** A process must not stay because a spare does. */
function setReferenced(spare: SpareWorker, isReferenced: boolean): void {
  for (const one of [spare.process, spare.link, spare.sharesSocket]) {
    if (isReferenced) one.ref();
    else one.unref();
  }
}
