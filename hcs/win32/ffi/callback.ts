/**
 * Callbacks of native code. A native function gets one address for each kind of callback, registered once for the life of the
 * process, and a number as context: the key of whoever listens. So late callbacks find nobody instead of freed memory, and
 * nothing is registered per object.
 *
 * Callbacks come on threads of the platform and run on the event loop; the native thread waits meanwhile. Functions that wait for
 * running callbacks (unregistering, closing) must therefore not be called on the event loop.
 */
import koffi from "koffi";
import { C_TYPES, parseSignature, type ArgumentsOf, type Handle, type Signature } from "./types.ts";

/** A kind of callback. */
export interface CallbackKind<S extends Signature> {
  /** Its result is `void`. */
  readonly signature: S;
  /** Index of the context among its arguments. */
  readonly context: number;
}

export type Listener<S extends Signature> = (...args: ArgumentsOf<S>) => void;

/** Whom the native side calls back, by context. */
export class CallbackTable<const S extends Signature> {
  readonly #kind: CallbackKind<S>;
  readonly #listeners = new Map<number, Listener<S>>();
  #address: bigint | undefined;
  #lastContext = 0;

  constructor(kind: CallbackKind<S>) {
    this.#kind = kind;
  }

  /** The address to hand to native code. */
  get address(): Handle {
    this.#address ??= this.#register();
    return this.#address;
  }

  /** How many are listening. */
  get size(): number {
    return this.#listeners.size;
  }

  /** @returns the context to hand to native code */
  add(listener: Listener<S>): number {
    // Never reused: a callback that comes after its listener has gone must not find another.
    const context = ++this.#lastContext;
    this.#listeners.set(context, listener);
    return context;
  }

  /** What is called back for this context from now on is ignored. Idempotent. */
  delete(context: number): void {
    this.#listeners.delete(context);
  }

  #register(): bigint {
    const { signature } = this.#kind;
    const { result, parameters } = parseSignature(signature);
    const types = parameters.map(({ type }) => C_TYPES[type]);
    const prototype = koffi.proto(null, C_TYPES[result], types);
    return koffi.register((...args: ArgumentsOf<S>) => this.#dispatch(args), koffi.pointer(prototype));
  }

  #dispatch(args: ArgumentsOf<S>): void {
    const listener = this.#listeners.get(Number((args as readonly unknown[])[this.#kind.context]));
    try {
      listener?.(...args);
    } catch (error) {
      // The native thread that waits for this must go on; the error is a defect of ours and surfaces as one.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
