/** What the keeper and the processes it has started say to each other, over the channel that Node makes between them. */
import type { ShimFlags } from "../flags.ts";
import type { PodOrder } from "./order.ts";

/** {@link PodOrder} as it travels: base64 for bytes, plain records. */
export interface OrderMessage {
  readonly flags: ShimFlags;
  readonly socketPath: string;
  readonly startInput: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isShared: boolean;
}

/** Keeper to process: `host` a pod. */
export interface HostMessage {
  readonly kind: "host";
  readonly serial: number;
  readonly order: OrderMessage;
  /** The door that hangs at the pod's address; without one the process listens there itself. */
  readonly door?: string;
  /** Another process had the pod and died. What was held for it has come before, as {@link HandleMessage}s. */
  readonly isTakeover?: true;
  /** Names of all that is held for it, to be dropped when the pod has been taken over. */
  readonly held?: readonly string[];
}

/** Keeper to process, with a handle: what is held for a pod that the process is about to get. */
export interface HandleMessage {
  readonly kind: "handle";
  readonly serial: number;
  readonly name: string;
}

export type KeeperMessage = HostMessage | HandleMessage;

/** Process to keeper. */
export type MemberMessage =
  /** It has booted. */
  | { readonly kind: "ready" }
  /** It listens at a door (`doors.ts`). */
  | { readonly kind: "door"; readonly path: string }
  /** The pod's socket accepts connections: said of pods without a door. */
  | { readonly kind: "hosted"; readonly serial: number }
  | { readonly kind: "failed"; readonly serial: number; readonly text: string }
  /** A pod of a shared process has ended. */
  | { readonly kind: "ended"; readonly serial: number }
  /** What is to be held for a pod, by a handle that comes with the message … */
  | { readonly kind: "hold"; readonly serial: number; readonly name: string }
  /** … or by the path of a FIFO. */
  | {
      readonly kind: "hold-path";
      readonly serial: number;
      readonly name: string;
      readonly path: string;
      readonly mode: "read" | "write";
    }
  | { readonly kind: "drop"; readonly serial: number; readonly name: string };

export function toMessage(order: PodOrder): OrderMessage {
  return { ...order, startInput: Buffer.from(order.startInput).toString("base64") };
}

export function fromMessage(message: OrderMessage): PodOrder {
  return { ...message, startInput: Buffer.from(message.startInput, "base64") };
}
