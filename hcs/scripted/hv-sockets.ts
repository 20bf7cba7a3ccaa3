/** Hyper-V sockets in memory: the host listens, the scripted guest dials. */
import { duplexPair, type Duplex } from "node:stream";
import type {
  CallOptions,
  HvSocket,
  HvSocketAddress,
  HvSocketContainer,
  HvSocketListener,
  HvSocketRegistration,
} from "../api.ts";
import { createDeferred } from "../deferred.ts";
import { HcsError } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import type { Machine } from "./machine.ts";

const NO_SILO = "00000000-0000-0000-0000-000000000000";

type Accept = (stream: Duplex) => void;

export class ScriptedHvSockets implements HvSocket {
  readonly #machine: Machine;
  readonly #listeners = new Map<string, Listener>();
  readonly #watchers = new Set<(serviceId: string) => void>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  async listen({ serviceId }: HvSocketAddress): Promise<HvSocketListener> {
    const listener = new Listener(() => this.#listeners.delete(serviceId));
    this.#listeners.set(serviceId, listener);
    for (const watcher of this.#watchers) watcher(serviceId);
    return listener;
  }

  connect({ serviceId }: HvSocketAddress): Promise<Duplex> {
    return Promise.reject(
      new HcsError({ operation: "connect", target: serviceId, hresult: HRESULT.connectFailed }),
    );
  }

  async registerContainer({ vmId, systemId }: HvSocketContainer): Promise<HvSocketRegistration> {
    const { recorder } = this.#machine;
    recorder.attempt({ call: "HvSocketAddressInfo", passthru: true, siloId: NO_SILO, systemId, vmId });
    return {
      close: async () => recorder.attempt({ call: "HvSocketAddressInfoClose", systemId }),
    };
  }

  /** Calls back for every service that is listened for, now and later. @returns how to stop that */
  watch(watcher: (serviceId: string) => void): () => void {
    for (const serviceId of this.#listeners.keys()) watcher(serviceId);
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The guest's side. @throws when nobody listens */
  dial(serviceId: string): Duplex {
    const listener = this.#listeners.get(serviceId);
    if (listener === undefined) throw new Error(`the guest dials ${serviceId}, which nobody listens for`);
    const [near, far] = duplexPair();
    near.on("error", () => undefined);
    // A pair in memory does not tell its other half by itself.
    near.once("close", () => far.destroy());
    listener.deliver(far);
    return near;
  }
}

class Listener implements HvSocketListener {
  readonly #onClose: () => void;
  readonly #closed = createDeferred<never>();
  readonly #waiting: Accept[] = [];
  readonly #dialled: Duplex[] = [];

  constructor(onClose: () => void) {
    this.#onClose = onClose;
    this.#closed.promise.catch(() => undefined);
  }

  deliver(stream: Duplex): void {
    const accept = this.#waiting.shift();
    if (accept === undefined) this.#dialled.push(stream);
    else accept(stream);
  }

  accept({ signal }: CallOptions = {}): Promise<Duplex> {
    const stream = this.#dialled.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    const aborted = createDeferred<never>();
    signal?.addEventListener("abort", () => aborted.reject(signal.reason as Error), { once: true });
    const dialled = new Promise<Duplex>((resolve) => this.#waiting.push(resolve));
    return Promise.race([dialled, aborted.promise, this.#closed.promise]);
  }

  async close(): Promise<void> {
    this.#onClose();
    this.#closed.reject(new Error("the listener is closed"));
  }
}
