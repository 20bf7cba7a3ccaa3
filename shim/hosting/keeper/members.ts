/** The processes that a keeper has started: spares, and the one that all shared pods have. */
import { type ChildProcess, spawn } from "node:child_process";
import { MALLOC_VARIABLES } from "../../bootstrap/daemon.ts";
import { messageOf } from "../../errors.ts";
import { memberArguments } from "../arguments.ts";
import { toMessage, type HostMessage, type MemberMessage } from "../messages.ts";
import type { PodOrder } from "../order.ts";

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

/** One process, from its start to when it is let go or has ended. */
export class Member {
  readonly #child: ChildProcess;
  readonly #orders = new Map<number, Order>();
  #serial = 0;
  #pods = 0;
  #hasEnded = false;
  #isReady = false;
  /** Resolves when the process has ended, or has been let go with its pod. */
  readonly gone: Promise<void>;

  /** @param onPodEnded told when a pod of a shared process has ended */
  constructor(command: readonly string[], onPodEnded: () => void) {
    const [program = process.execPath, ...args] = [...command, ...memberArguments()];
    const child = spawn(program, args, {
      cwd: "/",
      detached: true,
      env: { ...process.env, ...MALLOC_VARIABLES },
      // What it says goes to the keeper's log, until it has a pod and that pod's.
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    child.on("message", (message: MemberMessage) => {
      if (message.kind === "ready") this.#isReady = true;
      else if (message.kind === "ended") {
        this.#pods -= 1;
        onPodEnded();
      } else this.#settle(message);
    });
    this.gone = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#hasEnded = true;
        const error = new MemberLostError(`the shim process ${how}`);
        for (const { reject } of this.#orders.values()) reject(error);
        this.#orders.clear();
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
    return this.#pods;
  }

  /** @throws {MemberLostError}, or what the process says is wrong with the order */
  host(order: PodOrder): Promise<Place> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded || !this.#child.connected) {
        reject(new MemberLostError("the shim process is gone"));
        return;
      }
      this.#serial += 1;
      this.#pods += 1;
      this.#orders.set(this.#serial, { resolve, reject });
      const message: HostMessage = { kind: "host", serial: this.#serial, order: toMessage(order) };
      this.#child.send(message, (error) => {
        if (error !== null) this.#settle({ kind: "failed", serial: message.serial, text: messageOf(error) });
      });
    });
  }

  /** Lets it end, if it has no pod. */
  release(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #settle(message: Exclude<MemberMessage, { kind: "ready" | "ended" }>): void {
    const waiting = this.#orders.get(message.serial);
    this.#orders.delete(message.serial);
    if (message.kind === "hosted") waiting?.resolve({ pid: this.pid });
    else {
      this.#pods -= 1;
      waiting?.reject(new Error(message.text));
    }
  }
}
