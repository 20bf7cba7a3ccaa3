/**
 * Copies into and out of the container. The root is the caller's choice, as with any copying into a container; everything
 * below it is checked like the files of a job. A copy whose stream breaks is kept for a while, and goes on by its id.
 */
import { mkdirSync, statSync } from "node:fs";
import {
  ExecResult,
  TransferDirection,
  TransferState,
  type ExecHeader,
  type Transfer,
} from "../../../protos/gen/agent.ts";
import { createDeferred } from "../../../hcs/deferred.ts";
import { abortable, systemClock, type Clock } from "../../clock.ts";
import { FileReceiver } from "../files/receiver.ts";
import { sendFiles } from "../files/sender.ts";
import { AgentError } from "../protocol/errors.ts";
import { TRANSFER_LIMITS } from "../protocol/limits.ts";
import { sendResult, type ClientFrames, type ExecPeer } from "./exec.ts";

/** How long a broken copy may be gone on with, ms. */
const KEPT_MS = 10 * 60_000;
/** Broken copies that are kept. */
const MOST_KEPT = 16;
/** Positions of a frame: some hundred KiB with long paths. */
const POSITIONS_PER_FRAME = 500;

interface Kept {
  readonly root: string;
  readonly receiver: FileReceiver;
  readonly forget: () => void;
}

export class Transfers {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  /** What settles when a transfer has ended. */
  readonly #running = new Map<string, Promise<void>>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async serve(header: ExecHeader, transfer: Transfer, frames: ClientFrames, peer: ExecPeer): Promise<void> {
    const { execId } = header;
    // A caller whose connection broke may be back before that was noticed here.
    if (transfer.resume) await abortable(this.#running.get(execId) ?? Promise.resolve(), peer.signal);
    if (this.#running.has(execId))
      throw new AgentError("already exists", `transfer "${execId}" has not ended`);
    const { promise, resolve } = createDeferred<void>();
    this.#running.set(execId, promise);
    try {
      if (transfer.direction === TransferDirection.GET) await send(transfer, peer);
      else await this.#receive(execId, transfer, frames, peer);
    } finally {
      this.#running.delete(execId);
      resolve();
    }
  }

  /** Removes what is kept of broken copies. */
  close(): void {
    for (const id of [...this.#kept.keys()]) this.#drop(id);
  }

  async #receive(id: string, transfer: Transfer, frames: ClientFrames, peer: ExecPeer): Promise<void> {
    const receiver = this.#take(id, transfer) ?? openReceiver(transfer.root);
    // A caller who broke a rule gets no second attempt; one whose connection broke does.
    let isRefused = false;
    try {
      await sendPositions(receiver, peer);
      await frames.inputs({
        receive: (frame) => {
          try {
            receiver.receive(frame);
          } catch (error) {
            isRefused = true;
            throw error;
          }
        },
      });
      receiver.complete();
    } catch (error) {
      if (isRefused) receiver.discard();
      else this.#keep(id, transfer.root, receiver);
      throw error;
    }
    receiver.discard();
    await sendResult(peer, ExecResult.create());
  }

  #take(id: string, { resume, root }: Transfer): FileReceiver | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined || !resume || kept.root !== root) return undefined;
    kept.forget();
    this.#kept.delete(id);
    kept.receiver.resume();
    return kept.receiver;
  }

  #keep(id: string, root: string, receiver: FileReceiver): void {
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= MOST_KEPT) this.#drop(oldest);
    const forget = this.#clock.setTimeout(() => this.#drop(id), KEPT_MS);
    this.#kept.set(id, { root, receiver, forget });
  }

  #drop(id: string): void {
    const kept = this.#kept.get(id);
    kept?.forget();
    kept?.receiver.discard();
    this.#kept.delete(id);
  }
}

/** What is here of an earlier attempt; one frame at least, which says that the copy may begin. */
async function sendPositions(receiver: FileReceiver, peer: ExecPeer): Promise<void> {
  const positions = receiver.positions();
  for (let at = 0; at === 0 || at < positions.length; at += POSITIONS_PER_FRAME) {
    const have = positions.slice(at, at + POSITIONS_PER_FRAME);
    const more = at + POSITIONS_PER_FRAME < positions.length;
    await peer.send({ state: TransferState.create({ have, more }) });
  }
}

function openReceiver(root: string): FileReceiver {
  mkdirSync(root, { recursive: true });
  if (!statSync(root).isDirectory())
    throw new AgentError("failed precondition", `cannot copy into "${root}": it is no directory`);
  return new FileReceiver({ root, limits: TRANSFER_LIMITS, what: "files" });
}

async function send({ root, have }: Transfer, peer: ExecPeer): Promise<void> {
  if (statSync(root, { throwIfNoEntry: false }) === undefined)
    throw new AgentError("not found", `cannot copy "${root}": it does not exist in the container`);
  await sendResult(peer, ExecResult.create());
  for (const output of sendFiles(root, { limits: TRANSFER_LIMITS, what: "files", have })) {
    peer.signal.throwIfAborted();
    await peer.send({ output });
  }
}
