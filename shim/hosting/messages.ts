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
}

/** Process to keeper. */
export type MemberMessage =
  /** It has booted. */
  | { readonly kind: "ready" }
  /** The pod's socket accepts connections. */
  | { readonly kind: "hosted"; readonly serial: number }
  | { readonly kind: "failed"; readonly serial: number; readonly text: string }
  /** A pod of a shared process has ended. */
  | { readonly kind: "ended"; readonly serial: number };

export function toMessage(order: PodOrder): OrderMessage {
  return { ...order, startInput: Buffer.from(order.startInput).toString("base64") };
}

export function fromMessage(message: OrderMessage): PodOrder {
  return { ...message, startInput: Buffer.from(message.startInput, "base64") };
}
