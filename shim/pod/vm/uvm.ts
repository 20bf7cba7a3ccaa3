/**
 * One utility VM: its compute system and the connection to its guest, from creation to verified end. Owned by a pod,
 * which alone can close it; everybody else gets a {@link UvmView}.
 */
import type { ComputeSystem, HcsBackend, HvSocketListener, SystemExit } from "../../../hcs/api.ts";
import { acceptOne, closeListener, type Listen } from "../../../hcs/guest/accept.ts";
import type { BridgeEnd } from "../../../hcs/guest/bridge.ts";
import { GuestConnection } from "../../../hcs/guest/connection.ts";
import { serveEntropy } from "../../../hcs/guest/entropy.ts";
import { readGuestLog, type GuestLogHandlers } from "../../../hcs/guest/log-channel.ts";
import { isAlreadyStopped, isNotFound } from "../../../hcs/hresult.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../../hcs/schema/hv-socket.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import { reasonOf } from "../../clock.ts";
import { ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import { createDeferred } from "../../../hcs/deferred.ts";
import { nextUvmState, UVM_STATE_WORDS, type UvmEvent, type UvmState } from "./states.ts";

/** How a VM ended. */
export interface UvmEnd {
  /** It was closed by its owner; otherwise it was lost. */
  readonly expected: boolean;
  readonly reason: string;
}

/** A VM as its containers see it: they use it and can never end it. */
export interface UvmView {
  readonly id: string;
  readonly system: Pick<ComputeSystem, "modify" | "properties" | "pauseHosted" | "resumeHosted">;
  /** @throws {ShimError} VM_LOST when there is no guest to talk to */
  readonly guest: GuestConnection;
  /** False from the moment the VM, or its guest, is gone. */
  readonly isAlive: boolean;
}

export interface UvmInit {
  readonly id: string;
  readonly document: ComputeSystemDocument;
  readonly backend: HcsBackend;
  /** Lines of the guest's own log. */
  readonly guestLog: GuestLogHandlers;
  report(message: string, error: unknown): void;
}

/** Listeners that must be there before a Linux guest boots. */
interface BootListeners {
  readonly entropy: HvSocketListener;
  readonly log: HvSocketListener;
  readonly bridge: HvSocketListener;
}

export class Uvm implements UvmView {
  readonly id: string;
  readonly document: ComputeSystemDocument;
  readonly #init: UvmInit;
  readonly #system: ComputeSystem;
  readonly #runtimeId: string;
  readonly #ended = createDeferred<UvmEnd>();
  #state: UvmState = "created";
  #guest: GuestConnection | undefined;
  #closing: Promise<void> | undefined;
  #lossReason: string | undefined;

  private constructor(init: UvmInit, system: ComputeSystem, runtimeId: string) {
    this.id = init.id;
    this.document = init.document;
    this.#init = init;
    this.#system = system;
    this.#runtimeId = runtimeId;
    void system.exited.then((exit) => this.#onSystemExit(exit));
  }

  /** Creates the compute system. It is not running afterwards; on failure nothing is left. */
  static async create(init: UvmInit, phases: Phases): Promise<Uvm> {
    return phases.run("vm-create", async (signal) => {
      const system = await init.backend.computeSystems.create(init.id, init.document, { signal });
      try {
        const { RuntimeId } = await system.properties({}, { signal });
        if (RuntimeId === undefined) throw new Error(`compute system "${init.id}" has no runtime id`);
        return new Uvm(init, system, RuntimeId.toLowerCase());
      } catch (error) {
        await terminate(system, signal);
        await system.close();
        throw error;
      }
    });
  }

  get system(): ComputeSystem {
    return this.#system;
  }

  get state(): UvmState {
    return this.#state;
  }

  get isAlive(): boolean {
    return this.#state === "running";
  }

  get guest(): GuestConnection {
    if (this.#guest !== undefined && this.#state === "running") return this.#guest;
    const why = this.#lossReason === undefined ? `it is ${UVM_STATE_WORDS[this.#state]}` : this.#lossReason;
    throw new ShimError("VM_LOST", `cannot reach the guest of VM "${this.id}": ${why}`);
  }

  /** Settles once the VM has ended, wanted or not. Never rejects. */
  get ended(): Promise<UvmEnd> {
    return this.#ended.promise;
  }

  /** Boots the VM until its guest is connected and has negotiated. On failure it must be closed. */
  async start(phases: Phases): Promise<void> {
    this.#move("start");
    await phases.run("vm-boot", async (signal) => {
      const stopped = new AbortController();
      // A VM that dies while it boots fails the start at once, not when the budget is used up.
      const dead = this.#system.exited.then((exit) => {
        const reason = `VM "${this.id}" exited while it was starting: ${describeExit(exit)}`;
        stopped.abort(new ShimError("VM_LOST", reason));
      });
      const boot = AbortSignal.any([signal, stopped.signal]);
      try {
        await Promise.race([this.#boot(boot), dead.then(() => Promise.reject(reasonOf(stopped.signal)))]);
      } catch (error) {
        // Whatever still waits for the guest gives up and closes its listener.
        stopped.abort(error);
        throw error;
      }
    });
  }

  async #boot(signal: AbortSignal): Promise<void> {
    const listeners = await this.#listen(signal);
    const options = { guest: this.id, signal };
    const accepted = Promise.all([
      serveEntropy(listeners.entropy, options),
      acceptOne(listeners.log, options),
      acceptOne(listeners.bridge, options),
    ]);
    // Settled below; until then its failure must not count as unhandled.
    accepted.catch(() => undefined);
    try {
      await this.#system.start({ signal });
    } catch (error) {
      await Promise.all(
        Object.values(listeners).map((listener) => closeListener(listener as HvSocketListener, this.id)),
      );
      throw error;
    }
    const [, log, bridge] = await accepted;
    void readGuestLog(log, { ...this.#init.guestLog, guest: this.id });
    const guest = GuestConnection.open(bridge, { os: "linux", name: this.id, listen: this.#listener });
    try {
      await guest.negotiate({ signal });
    } catch (error) {
      await guest.close();
      throw error;
    }
    this.#guest = guest;
    this.#move("connected");
    void guest.closed.then((end) => this.#onGuestClosed(end));
  }

  readonly #listener: Listen = (serviceId, options) =>
    this.#init.backend.hvSocket.listen({ vmId: this.#runtimeId, serviceId }, options);

  async #listen(signal: AbortSignal): Promise<BootListeners> {
    const opened: HvSocketListener[] = [];
    const open = async (port: number): Promise<HvSocketListener> => {
      const listener = await this.#listener(vsockServiceId(port), { signal });
      opened.push(listener);
      return listener;
    };
    try {
      return {
        entropy: await open(LINUX_GUEST_PORT.entropy),
        log: await open(LINUX_GUEST_PORT.log),
        bridge: await open(LINUX_GUEST_PORT.bridge),
      };
    } catch (error) {
      await Promise.all(opened.map((listener) => closeListener(listener, this.id)));
      throw error;
    }
  }

  /** Terminates the VM and waits until it is gone. Idempotent; after a failure it may be called again. */
  close(phases: Phases): Promise<void> {
    this.#move("close");
    this.#closing ??= this.#close(phases).catch((error: unknown) => {
      this.#closing = undefined;
      throw error;
    });
    return this.#closing;
  }

  async #close(phases: Phases): Promise<void> {
    await phases.run("vm-close", async (signal) => {
      await terminate(this.#system, signal);
      await this.#system.exited;
      await this.#guest?.close();
      await this.#system.close();
    });
    this.#move("gone");
    this.#ended.resolve({ expected: this.#lossReason === undefined, reason: this.#lossReason ?? "closed" });
  }

  #onSystemExit(exit: SystemExit): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#lose(describeExit(exit));
  }

  /** The VM is of no use without its guest; its owner will close it. */
  #onGuestClosed(end: BridgeEnd): void {
    if (this.#state !== "running") return;
    this.#lose(
      end.cause === "closed"
        ? "the guest connection was closed"
        : `the guest connection was lost: ${end.error.message}`,
    );
  }

  #lose(reason: string): void {
    this.#lossReason ??= reason;
    this.#move("lose");
    this.#init.report("the VM was lost", new ShimError("VM_LOST", reason));
    this.#ended.resolve({ expected: false, reason });
  }

  #move(event: UvmEvent): void {
    this.#state = nextUvmState(this.#state, event);
  }
}

/** Takes something out of a VM; when the VM goes meanwhile, the thing went with it. */
export async function unlessGone(uvm: UvmView, work: () => Promise<void>): Promise<void> {
  if (!uvm.isAlive) return;
  try {
    await work();
  } catch (error) {
    if (uvm.isAlive) throw error;
  }
}

/** One that has ended meanwhile needs no terminating. */
async function terminate(system: ComputeSystem, signal: AbortSignal): Promise<void> {
  try {
    await system.terminate({ signal });
  } catch (error) {
    if (!isAlreadyStopped(error) && !isNotFound(error)) throw error;
  }
}

function describeExit(exit: SystemExit): string {
  const status = exit.status === 0 ? "" : ` with status 0x${exit.status.toString(16)}`;
  const reason = exit.reason === undefined ? "" : `: ${exit.reason}`;
  return `${exit.exitType}${status}${reason}`;
}
