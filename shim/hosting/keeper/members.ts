/** The processes that a keeper has started: spares, and the one that all shared pods have. */
import { type ChildProcess, type SendHandle, spawn } from "node:child_process";
import { MALLOC_VARIABLES } from "../../bootstrap/daemon.ts";
import { messageOf } from "../../errors.ts";
import { memberArguments } from "../arguments.ts";
import { toMessage, type HandleMessage, type HostMessage, type MemberMessage } from "../messages.ts";
import type { PodOrder } from "../order.ts";
import type { Handle } from "../takeover/holder.ts";
import { Held } from "./held.ts";

/** A pod's process, once the pod's socket accepts connections. */
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

  /** @throws {MemberLostError}, or what the process says is wrong with the order */
  host(order: PodOrder): Promise<Place> {
    return this.#order({ order, held: new Held(), takeovers: [] }, []);
  }

  /** Hands over a pod of a process that died. @throws as {@link host} does; then nothing is held for the pod any more */
  takeOver(pod: MemberPod): Promise<Place> {
    return this.#order(pod, pod.held.handles);
  }

  #order(pod: MemberPod, handles: Held["handles"]): Promise<Place> {
    const { order } = pod;
    return new Promise((resolve, reject) => {
      if (this.#hasEnded || !this.#child.connected) {
        reject(new MemberLostError("the shim process is gone"));
        return;
      }
      const serial = (this.#serial += 1);
      this.#pods.set(serial, pod);
      this.#orders.set(serial, { resolve, reject });
      for (const [name, handle] of handles) {
        const message: HandleMessage = { kind: "handle", serial, name };
        // One that cannot be sent is missed by the process, which says so.
        this.#child.send(message, handle as SendHandle, { keepOpen: true }, () => undefined);
      }
      const message: HostMessage = {
        kind: "host",
        serial,
        order: toMessage(order),
        ...(pod.takeovers.length > 0 ? { isTakeover: true as const, held: pod.held.names } : {}),
      };
      this.#child.send(message, (error) => {
        if (error !== null) this.#settle({ kind: "failed", serial, text: messageOf(error) });
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
    const held = this.#pods.get(message.serial)?.held;
    switch (message.kind) {
      case "hosted":
      case "failed":
        this.#settle(message);
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

  #settle(message: Extract<MemberMessage, { kind: "hosted" | "failed" }>): void {
    const waiting = this.#orders.get(message.serial);
    this.#orders.delete(message.serial);
    if (message.kind === "hosted") waiting?.resolve({ pid: this.pid });
    else {
      this.#forget(message.serial);
      waiting?.reject(new Error(message.text));
    }
  }

  #forget(serial: number): void {
    this.#pods.get(serial)?.held.close();
    this.#pods.delete(serial);
  }
}
