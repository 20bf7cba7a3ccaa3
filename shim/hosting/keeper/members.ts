/** The processes that a keeper has started: spares, and the one that all shared pods have. */
import { type ChildProcess, type SendHandle, spawn } from "node:child_process";
import { MALLOC_VARIABLES } from "../../bootstrap/daemon.ts";
import { isListening } from "../../bootstrap/address.ts";
import { messageOf } from "../../errors.ts";
import { memberArguments } from "../arguments.ts";
import { toMessage, type HandleMessage, type HostMessage, type MemberMessage } from "../messages.ts";
import type { PodOrder } from "../order.ts";
import { hangDoor } from "../doors.ts";
import type { Handle } from "../takeover/holder.ts";
import { Held } from "./held.ts";

/** A pod's process, once connections to the pod's socket are kept for it. */
export interface Place {
  readonly pid: number;
}

/** The process ended, or was gone, before it hosted a pod. Something else may host it. */
export class MemberLostError extends Error {
  override readonly name = "MemberLostError";
}

interface Order {
  readonly resolve: (place: Place) => void;
  readonly reject: (error: Error) => void;
}

/** A pod of a process, and what is held for it. */
export interface MemberPod {
  readonly order: PodOrder;
  readonly held: Held;
  /** When it was taken over from processes that died, milliseconds on the monotonic clock. */
  readonly takeovers: readonly number[];
}

/** What a process tells its keeper about. */
export interface MemberEvents {
  /** A pod of a shared process has ended. */
  onPodEnded(): void;
  /** The process has died with these pods. */
  onPodsLost(pods: readonly MemberPod[]): void;
}

/** One process, from its start to when it is let go or has ended. */
export class Member {
  readonly #child: ChildProcess;
  readonly #orders = new Map<number, Order>();
  readonly #pods = new Map<number, MemberPod>();
  readonly #doors: string[] = [];
  #serial = 0;
  #hasEnded = false;
  #isReady = false;
  /** Resolves when the process has ended, or has been let go with its pod. */
  readonly gone: Promise<void>;

  constructor(command: readonly string[], events: MemberEvents) {
    const [program = process.execPath, ...args] = [...command, ...memberArguments()];
    const child = spawn(program, args, {
      cwd: "/",
      detached: true,
      env: { ...process.env, ...MALLOC_VARIABLES },
      // What it says goes to the keeper's log, until it has a pod and that pod's.
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    child.on("message", (message: MemberMessage, handle: unknown) =>
      this.#hear(message, handle as Handle | undefined, events),
    );
    this.gone = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#hasEnded = true;
        const error = new MemberLostError(`the shim process ${how}`);
        for (const [serial, { reject }] of this.#orders) {
          this.#forget(serial);
          reject(error);
        }
        this.#orders.clear();
        const pods = [...this.#pods.values()];
        this.#pods.clear();
        if (pods.length > 0) events.onPodsLost(pods);
        resolve();
      };
      child.once("error", (error) => end(`could not be started: ${messageOf(error)}`));
      child.once("exit", (code, signal) => end(`ended (${signal ?? `exit code ${code}`})`));
      // It has a pod of its own now, and is nobody's spare.
      child.once("disconnect", () => resolve());
    });
    child.unref();
    child.channel?.unref();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** It has booted: an order is carried out at once. */
  get isReady(): boolean {
    return this.#isReady;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Pods it hosts, those on their way included. */
  get pods(): number {
    return this.#pods.size;
  }

  /**
   * Has it host a pod. Where it has a door for it, this does not wait for the process: the order is on its way, also if this
   * process dies now.
   *
   * @returns undefined when somebody serves the pod's address already
   * @throws {MemberLostError}, or what the process says is wrong with the order
   */
  async host(order: PodOrder): Promise<Place | undefined> {
    const pod = { order, held: new Held(), takeovers: [] };
    const door = this.#doors.shift();
    if (door !== undefined) {
      const outcome = await hangDoor(door, order.socketPath);
      if (outcome === "hung") return this.#order(pod, { door });
      if (outcome === "served") {
        this.#doors.push(door);
        return undefined;
      }
    }
    return (await isListening(order.socketPath)) ? undefined : this.#order(pod, {});
  }

  /** Hands over a pod of a process that died. @throws as {@link host} does; then nothing is held for the pod any more */
  takeOver(pod: MemberPod): Promise<Place> {
    return this.#order(pod, { isTakeover: true, held: pod.held.names });
  }

  #order(pod: MemberPod, how: Pick<HostMessage, "door" | "isTakeover" | "held">): Promise<Place> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded || !this.#child.connected) {
        reject(new MemberLostError("the shim process is gone"));
        return;
      }
      const serial = (this.#serial += 1);
      this.#pods.set(serial, pod);
      this.#orders.set(serial, { resolve, reject });
      for (const [name, handle] of pod.held.handles) {
        const message: HandleMessage = { kind: "handle", serial, name };
        // One that cannot be sent is missed by the process, which says so.
        this.#child.send(message, handle as SendHandle, { keepOpen: true }, () => undefined);
      }
      const message: HostMessage = { kind: "host", serial, order: toMessage(pod.order), ...how };
      this.#child.send(message, (error) => {
        if (error !== null) this.#fail(serial, new MemberLostError(messageOf(error)));
        else if (how.door !== undefined) this.#placed(serial);
      });
    });
  }

  /** Lets it end, if it has no pod. */
  release(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #hear(message: MemberMessage, handle: Handle | undefined, events: MemberEvents): void {
    if (message.kind === "ready") {
      this.#isReady = true;
      return;
    }
    if (message.kind === "door") {
      this.#doors.push(message.path);
      return;
    }
    const held = this.#pods.get(message.serial)?.held;
    switch (message.kind) {
      case "hosted":
        this.#placed(message.serial);
        break;
      case "failed":
        this.#fail(message.serial, new Error(message.text));
        break;
      case "ended":
        this.#forget(message.serial);
        events.onPodEnded();
        break;
      case "hold":
        if (handle === undefined) break;
        if (held === undefined) handle.close();
        else held.hold(message.name, handle);
        break;
      case "hold-path":
        held?.holdPath(message.name, message.path, message.mode);
        break;
      case "drop":
        held?.drop(message.name);
        break;
    }
  }

  #placed(serial: number): void {
    this.#orders.get(serial)?.resolve({ pid: this.pid });
    this.#orders.delete(serial);
  }

  #fail(serial: number, error: Error): void {
    const waiting = this.#orders.get(serial);
    // Whoever asked has the address already, and learns it from the pod's socket.
    if (waiting === undefined) process.stderr.write(`keeper: a pod could not be hosted: ${error.message}\n`);
    else waiting.reject(error);
    this.#orders.delete(serial);
    this.#forget(serial);
  }

  #forget(serial: number): void {
    this.#pods.get(serial)?.held.close();
    this.#pods.delete(serial);
  }
}
