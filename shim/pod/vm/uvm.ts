/**
 * One utility VM: its compute system and the connection to its guest, from creation to verified end. Owned by a pod,
 * which alone can close it; everybody else gets a {@link UvmView}.
 */
import type { ComputeSystem, HcsBackend, SystemExit } from "../../../hcs/api.ts";
import { acceptOne, type Listen } from "../../../hcs/guest/accept.ts";
import type { BridgeEnd } from "../../../hcs/guest/bridge.ts";
import { GuestConnection } from "../../../hcs/guest/connection.ts";
import type { GuestLogHandlers } from "../../../hcs/guest/log-channel.ts";
import type { SessionStart } from "../../../hcs/guest/session.ts";
import { isAlreadyStopped, isNotFound } from "../../../hcs/hresult.ts";
import { overriding } from "../../../hcs/overriding.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../../hcs/schema/hv-socket.ts";
import type { BoundaryLevel } from "../../../oci/boundary/levels.ts";
import { reasonOf } from "../../clock.ts";
import { ShimError } from "../../errors.ts";
import type { Phases } from "../../phases/phases.ts";
import { createDeferred } from "../../../hcs/deferred.ts";
import { Boundary } from "./boundary.ts";
import type { GuestBoot, PreparedBoot } from "./boot/boot.ts";
import type { GuestLogLine, GuestLogTail } from "./guest-log-tail.ts";
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
  /** Lower-case GUID: how Hyper-V sockets address it. */
  readonly runtimeId: string;
  readonly system: Pick<ComputeSystem, "modify" | "properties" | "pauseHosted" | "resumeHosted">;
  /** @throws {ShimError} VM_LOST when there is no guest to talk to */
  readonly guest: GuestConnection;
  /** False from the moment the VM, or its guest, is gone. */
  readonly isAlive: boolean;
  /** What may be shared with it although user data may not. */
  readonly boundary: Pick<Boundary, "allow" | "level">;
}

export interface UvmInit {
  readonly id: string;
  /** As it was planned; the VM is made of what its boundary level leaves of it. */
  readonly document: ComputeSystemDocument;
  readonly level: BoundaryLevel;
  readonly backend: HcsBackend;
  readonly boot: GuestBoot;
  /** Lines of the guest's own log. */
  readonly guestLog: GuestLogHandlers;
  /** Where {@link guestLog} keeps what came last. */
  readonly logTail: Pick<GuestLogTail, "lines">;
  report(message: string, error: unknown): void;
  /** An earlier process has made the VM: where its conversation with the guest ended. */
  readonly adopts?: SessionStart;
}

export class Uvm implements UvmView {
  readonly id: string;
  readonly runtimeId: string;
  readonly document: ComputeSystemDocument;
  readonly boundary: Boundary;
  readonly #init: UvmInit;
  readonly #system: ComputeSystem;
  readonly #ended = createDeferred<UvmEnd>();
  #state: UvmState = "created";
  #guest: GuestConnection | undefined;
  #boot: PreparedBoot | undefined;
  #hasExited = false;
  #closing: Promise<void> | undefined;
  #lossReason: string | undefined;
  /** What is asked of the VM counts as done. */
  #isAdopting: boolean;

  private constructor(init: UvmInit, boundary: Boundary, system: ComputeSystem, runtimeId: string) {
    this.id = init.id;
    this.document = init.document;
    this.boundary = boundary;
    this.#init = init;
    this.#isAdopting = init.adopts !== undefined;
    this.#system = boundary.guard(this.#adoptable(system));
    this.runtimeId = runtimeId;
    void system.exited.then((exit) => this.#onSystemExit(exit));
  }

  /** Opens the compute system that an earlier process has made. It goes on when this fails. */
  static async adopt(init: UvmInit, phases: Phases): Promise<Uvm> {
    return phases.run("vm-create", async (signal) => {
      const boundary = new Boundary(init.level);
      const document = boundary.admit(init.document);
      const system = await init.backend.computeSystems.open(init.id, { signal });
      const { RuntimeId } = await system.properties({}, { signal });
      if (RuntimeId === undefined) throw new Error(`compute system "${init.id}" has no runtime id`);
      return new Uvm({ ...init, document }, boundary, system, RuntimeId.toLowerCase());
    });
  }

  /** Creates the compute system. It is not running afterwards; on failure nothing is left. */
  static async create(init: UvmInit, phases: Phases): Promise<Uvm> {
    return phases.run("vm-create", async (signal) => {
      const boundary = new Boundary(init.level);
      const document = boundary.admit(init.document);
      const system = await init.backend.computeSystems.create(init.id, document, { signal });
      try {
        const { RuntimeId } = await system.properties({}, { signal });
        if (RuntimeId === undefined) throw new Error(`compute system "${init.id}" has no runtime id`);
        return new Uvm({ ...init, document }, boundary, system, RuntimeId.toLowerCase());
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

  /** The last lines of the guest's log, oldest first. They outlive the VM. */
  logTail(): readonly GuestLogLine[] {
    return this.#init.logTail.lines();
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
        await Promise.race([
          this.#bootGuest(boot),
          dead.then(() => Promise.reject(reasonOf(stopped.signal))),
        ]);
      } catch (error) {
        // Whatever still waits for the guest gives up and closes its listener.
        stopped.abort(error);
        throw error;
      }
    });
  }

  /** Waits until the guest of a VM that runs has dialled again. */
  async meetAgain(phases: Phases): Promise<void> {
    this.#move("start");
    await phases.run("vm-boot", async (signal) => {
      const { boot, adopts } = this.#init;
      const listener = await this.#listen(vsockServiceId(LINUX_GUEST_PORT.bridge), { signal });
      const stream = await acceptOne(listener, { guest: this.id, signal });
      const options = { os: boot.os, name: this.id, listen: this.#listen };
      const guest = GuestConnection.open(stream, adopts === undefined ? options : { ...options, adopts });
      try {
        await guest.negotiate({ signal, coldStart: false });
      } catch (error) {
        await guest.close();
        throw error;
      }
      this.#connected(guest);
    });
  }

  /** All that is in the VM has been adopted: from now on what is asked of it is done. */
  adopted(): void {
    this.#isAdopting = false;
    this.#guest?.adopted();
  }

  #adoptable(system: ComputeSystem): ComputeSystem {
    const modify: ComputeSystem["modify"] = async (request, options) => {
      if (!this.#isAdopting) await system.modify(request, options);
    };
    return overriding(system, { modify });
  }

  async #bootGuest(signal: AbortSignal): Promise<void> {
    const { boot, guestLog } = this.#init;
    const prepared = await boot.prepare(
      {
        id: this.id,
        runtimeId: this.runtimeId,
        listen: this.#listen,
        guestLog,
        report: (message, error) => this.#init.report(message, error),
      },
      signal,
    );
    this.#boot = prepared;
    const accepted = prepared.accept(signal);
    // Settled below; until then its failure must not count as unhandled.
    accepted.catch(() => undefined);
    try {
      await this.#system.start({ signal });
      const stream = await accepted;
      const guest = GuestConnection.open(stream, { os: boot.os, name: this.id, listen: this.#listen });
      await this.#meet(guest, prepared, signal);
      this.#connected(guest);
    } catch (error) {
      await prepared.close();
      throw error;
    }
  }

  #connected(guest: GuestConnection): void {
    this.#guest = guest;
    this.#move("connected");
    void guest.closed.then((end) => this.#onGuestClosed(end));
  }

  async #meet(guest: GuestConnection, prepared: PreparedBoot, signal: AbortSignal): Promise<void> {
    const { timeZone } = this.#init.boot;
    try {
      await guest.negotiate({ signal, ...(timeZone === undefined ? {} : { timeZone }) });
      await prepared.greet(guest, signal);
    } catch (error) {
      await guest.close();
      throw error;
    }
  }

  readonly #listen: Listen = (serviceId, options) =>
    this.#init.backend.hvSocket.listen({ vmId: this.runtimeId, serviceId }, options);

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
      if (!this.#hasExited) await terminate(this.#system, signal);
      await this.#system.exited;
      await this.#guest?.close();
      await this.#boot?.close();
      await this.#system.close();
    });
    this.#move("gone");
    this.#ended.resolve({ expected: this.#lossReason === undefined, reason: this.#lossReason ?? "closed" });
  }

  #onSystemExit(exit: SystemExit): void {
    this.#hasExited = true;
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
