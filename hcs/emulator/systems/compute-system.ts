/** A handle to an emulated compute system: the creator's, or one opened later. */
import { closeSync } from "node:fs";
import type { Duplex } from "node:stream";
import type { CallOptions, ComputeSystem, ComputeSystemState, HcsProcess, SystemExit } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { hresultFromWin32 } from "../../hresult.ts";
import type { ModifySettingRequest } from "../../schema/modify.ts";
import type { ProcessParameters } from "../../schema/process.ts";
import type { PropertyQuery, SystemProperties } from "../../schema/properties.ts";
import type { Call, Calls } from "../calls.ts";
import { cgroupHierarchies } from "../cgroup/tree.ts";
import type { SystemDocument } from "./document.ts";
import type { FaultOperation } from "../faults.ts";
import { Freezing } from "./freezing.ts";
import { claimStart, readExit, readStartTime, writeExit } from "./host-record.ts";
import type { SystemKind } from "./kind.ts";
import { countOpenedHandles, isFirstHandleOpen } from "./open-handles.ts";
import { isAlive, killProcess, type ProcessIdentity } from "./process-identity.ts";
import { observeState } from "./reclaim.ts";
import { hostPaths, type HostPaths } from "./state-directory.ts";
import { OPERATIONS, requireState, type SystemOperation } from "./states.ts";
import { unmountDirectly } from "../storage/storage.ts";
import { systemExit, terminatedExit } from "./system-exit.ts";
import { tearDownSystem } from "./teardown.ts";
import { abortable } from "../../abortable.ts";
import { RELEASE_LIMIT_MS, until } from "../wait.ts";
import { lastWords, type LaunchedWorker } from "./worker-launch.ts";
import { connectTo, type WorkerLink } from "./worker-link.ts";

/** What all handles of a backend share. */
export interface SystemSurroundings {
  readonly stateDirectory: string;
  readonly calls: Calls;
  /** The handle is closed, or its system has ended. */
  readonly forget: (handle: EmulatedSystem) => void;
}

export interface SystemParts {
  readonly id: string;
  readonly runtimeId: string;
  readonly owner: string;
  readonly directory: string;
  readonly cgroup: string;
  readonly document: SystemDocument;
  readonly kind: SystemKind;
  readonly worker: ProcessIdentity;
  /** Inode of the creator's handle in the worker ({@link isFirstHandleOpen}). */
  readonly firstHandle: string | undefined;
  readonly link: WorkerLink;
  /** Of the creator alone: the worker as its child. */
  readonly launched?: LaunchedWorker;
  /** The system's exit file, open for reading. */
  readonly exitFile: number;
}

export class EmulatedSystem implements ComputeSystem {
  readonly id: string;
  readonly runtimeId: string;
  readonly exited: Promise<SystemExit>;
  readonly #parts: SystemParts;
  readonly #around: SystemSurroundings;
  readonly #paths: HostPaths;
  readonly #freezing: Freezing;
  #settleExited: (exit: SystemExit) => void = () => undefined;
  #exit: SystemExit | undefined;
  #closing: Promise<void> | undefined;
  /** Of a closed handle: whether the system outlives it. */
  #leaving: Promise<boolean> | undefined;
  /** Resolves when the end of the system has been seen; its remains are then being removed. */
  readonly #ended: Promise<void>;
  #released: Promise<void> | undefined;

  constructor(parts: SystemParts, around: SystemSurroundings) {
    this.id = parts.id;
    this.runtimeId = parts.runtimeId;
    this.#parts = parts;
    this.#around = around;
    this.#paths = hostPaths(parts.directory);
    this.#freezing = new Freezing(parts);
    this.exited = new Promise((resolve) => (this.#settleExited = resolve));
    this.#ended = this.#watch();
  }

  start(options: CallOptions = {}): Promise<void> {
    return this.#run("start", options, async () => {
      if (!claimStart(this.#parts.directory)) {
        const detail = "compute system has been started before";
        throw this.#error("start", HRESULT.invalidState, detail);
      }
      const { link } = this.#parts;
      link.send({ op: "start" });
      await abortable(Promise.race([link.reached("started"), this.#ended]), options.signal);
      if (this.#exit !== undefined) {
        throw this.#error("start", HRESULT.terminatedDuringStart, this.#exit.reason);
      }
      await this.#parts.kind.afterStart(options);
    });
  }

  shutdown(options: CallOptions = {}): Promise<void> {
    return this.#run("shutdown", options, () => this.#parts.kind.shutdown(options));
  }

  terminate(options: CallOptions = {}): Promise<void> {
    return this.#run("terminate", options, async () => {
      const reason = "it was terminated";
      writeExit(this.#parts.directory, terminatedExit(reason));
      // Whatever keeps it from ending by itself does not keep it from being killed.
      const ends = await this.#parts.kind.terminate().catch(() => false);
      if (!ends) this.#end(reason);
    });
  }

  pause(options: CallOptions = {}): Promise<void> {
    return this.#run("pause", options, () => {
      const { noPause } = this.#parts.kind;
      if (noPause !== undefined) throw this.#error("pause", HRESULT.notSupported, noPause);
      return this.#freezing.freeze(options.signal);
    });
  }

  resume(options: CallOptions = {}): Promise<void> {
    return this.#run("resume", options, () => this.#freezing.thaw());
  }

  pauseHosted(containerId: string, options: CallOptions = {}): Promise<void> {
    return this.#run("pauseHosted", options, () => this.#freezing.freezeHosted(containerId, options.signal));
  }

  resumeHosted(containerId: string, options: CallOptions = {}): Promise<void> {
    return this.#run("resumeHosted", options, () => this.#freezing.thawHosted(containerId));
  }

  modify(request: ModifySettingRequest, options: CallOptions = {}): Promise<void> {
    return this.#run("modify", options, () => this.#parts.kind.modify(request, options));
  }

  properties(query: PropertyQuery, options: CallOptions = {}): Promise<SystemProperties> {
    return this.#run("properties", options, (state) =>
      this.#parts.kind.properties(query, state, readStartTime(this.#parts.directory), options),
    );
  }

  createProcess(parameters: ProcessParameters, options: CallOptions = {}): Promise<HcsProcess> {
    return this.#run("createProcess", options, () => this.#parts.kind.createProcess(parameters, options));
  }

  openProcess(processId: number, options: CallOptions = {}): Promise<HcsProcess> {
    return this.#run("openProcess", options, () => this.#parts.kind.openProcess(processId, options));
  }

  connectHandle(options: CallOptions = {}): Promise<Duplex> {
    const phrase = "open compute system";
    return this.#around.calls.run("open", this.#call(phrase, options), () => {
      this.#requireOpen(phrase);
      return connectTo(this.#paths.controlSocket, options.signal);
    });
  }

  /** Ends the VM as a fault of its own would: nobody is told why. */
  crash(): void {
    killProcess(this.#parts.worker);
    this.#freezing.thawAll();
  }

  /**
   * Closes the handle. When it was the last one and the document says so, the system ends: then this waits until it is
   * gone, and rejects when something of it cannot be removed.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { link, launched, worker } = this.#parts;
    this.#around.forget(this);
    if (this.#exit === undefined && isAlive(worker)) {
      this.#leaving = this.#leave();
      if (await this.#leaving) {
        launched?.process.unref();
        return;
      }
    }
    await this.#ended;
    link.close();
    await this.#released;
  }

  /** Closes the connection. Resolves when it is certain whether the system ends with it: false; or goes on: true. */
  async #leave(): Promise<boolean> {
    const { link, worker, document } = this.#parts;
    const others = this.#otherHandles();
    link.close();
    if (document.ShouldTerminateOnLastHandleClosed !== true) return true;
    const frozen = this.#freezing.isFrozen;
    // A frozen worker notices nothing, and counts as open what was closed meanwhile: if there may be others it has to
    // run for a moment.
    if (frozen && others.now() === 0) this.#end("its last handle was closed");
    else if (frozen) this.#freezing.thaw();
    const outcome = await until(
      () => (!isAlive(worker) ? { outlives: false } : others.afterNotice() > 0 && { outlives: true }),
      { what: `worker ${worker.pid} is gone`, limitMs: RELEASE_LIMIT_MS },
    ).catch((error: unknown) => {
      const detail = "the worker did not end with its last handle";
      const hresult = HRESULT.operationTimeout;
      throw new HcsError({
        operation: "close compute system",
        target: this.id,
        hresult,
        detail,
        cause: error,
      });
    });
    if (frozen && outcome.outlives) await this.#freezing.freeze(undefined);
    return outcome.outlives;
  }

  /** Counts the handles beside this one; `afterNotice` sees none until the worker knows that this one is closed. */
  #otherHandles(): { now(): number; afterNotice(): number } {
    const { worker, firstHandle, launched } = this.#parts;
    const isFirstOpen = (): boolean =>
      firstHandle !== undefined && isFirstHandleOpen(worker.pid, firstHandle);
    const opened = (): number => countOpenedHandles(this.#paths.controlSocket);
    if (launched !== undefined) return { now: opened, afterNotice: () => (isFirstOpen() ? 0 : opened()) };
    const before = opened();
    const count = (): number => opened() + (isFirstOpen() ? 1 : 0);
    return { now: () => count() - 1, afterNotice: () => (opened() < before ? count() : 0) };
  }

  /** Submits the end of the system: noted first, so that every handle learns that it was wanted. */
  #end(reason: string): void {
    writeExit(this.#parts.directory, terminatedExit(reason));
    this.crash();
  }

  async #watch(): Promise<void> {
    const { worker, launched, link, exitFile } = this.#parts;
    const how = await launched?.ended;
    // What the worker said last arrives before the connection ends.
    await link.closed;
    const outlived = await this.#leaving?.catch(() => false);
    if (outlived === true && launched === undefined) {
      closeSync(exitFile);
      return;
    }
    // The parent of the worker can die before it, and then takes it along; a connection can break alone.
    const gone = await until(() => !isAlive(worker), {
      what: `worker ${worker.pid} is gone`,
      limitMs: RELEASE_LIMIT_MS,
    }).catch(() => false);
    this.#exit = gone ? this.#explainExit(how) : LOST;
    closeSync(exitFile);
    this.#around.forget(this);
    if (outlived !== true && !this.#around.calls.withholdsExit(this.id)) this.#settleExited(this.#exit);
    // What the guest has told last has been heard: the connection to it ends with its worker.
    await this.#parts.kind.close();
    if (gone) this.#released = this.#release();
  }

  /** In the worker's own words, else in those of whoever ended it, else as the fault it must have been. */
  #explainExit(how: string | undefined): SystemExit {
    const { exit } = this.#parts.link;
    if (exit !== undefined) return systemExit(exit.exitType, exit.reason);
    const noted = readExit(this.#parts.exitFile);
    if (noted !== undefined) return noted;
    if (this.#leaving !== undefined) return terminatedExit("its last handle was closed");
    const words = lastWords(this.#parts.directory);
    return systemExit(
      "UnexpectedExit",
      `the worker ${how ?? "ended"}${words === undefined ? "" : `: ${words}`}`,
    );
  }

  /** Removes what is left of the ended system; `close` reports when that fails. */
  #release(): Promise<void> {
    const { stateDirectory } = this.#around;
    const released = tearDownSystem(stateDirectory, this.id, this.runtimeId, unmountDirectly).catch(
      (error: unknown) => {
        const detail = error instanceof Error ? error.message : String(error);
        const operation = "release compute system";
        throw new HcsError({ operation, target: this.id, hresult: HRESULT.failed, detail, cause: error });
      },
    );
    // Nobody may be waiting yet.
    released.catch(() => undefined);
    return released;
  }

  #run<T>(
    operation: SystemOperation & FaultOperation,
    options: CallOptions,
    body: (state: ComputeSystemState) => T | Promise<T>,
  ): Promise<T> {
    const { phrase } = OPERATIONS[operation];
    return this.#around.calls.run(operation, this.#call(phrase, options), async () => {
      this.#requireOpen(phrase);
      const state = this.#state();
      requireState(operation, this.id, state);
      try {
        return await body(state);
      } catch (error) {
        // What a system has goes with it: that a file is missing then is not what went wrong.
        if (!(error instanceof HcsError) && options.signal?.aborted !== true) {
          requireState(operation, this.id, this.#state() === "Stopped" ? "Stopped" : state);
        }
        throw error;
      }
    });
  }

  #call(phrase: string, options: CallOptions): Call {
    return { phrase, target: this.id, runtimeId: this.runtimeId, ...options };
  }

  #state(): ComputeSystemState {
    const { worker, cgroup, directory } = this.#parts;
    if (this.#exit !== undefined) return "Stopped";
    return observeState(worker, readStartTime(directory) !== undefined, cgroup, cgroupHierarchies());
  }

  #requireOpen(phrase: string): void {
    if (this.#closing === undefined) return;
    const detail = "the handle is closed";
    throw new HcsError({ operation: phrase, target: this.id, hresult: INVALID_HANDLE, detail });
  }

  #error(operation: SystemOperation, hresult: number, detail: string | undefined): HcsError {
    const { phrase } = OPERATIONS[operation];
    return new HcsError({
      operation: phrase,
      target: this.id,
      hresult,
      ...(detail === undefined ? {} : { detail }),
    });
  }
}

const ERROR_INVALID_HANDLE = 6;
const INVALID_HANDLE = hresultFromWin32(ERROR_INVALID_HANDLE);

const LOST: SystemExit = {
  status: HRESULT.serviceDisconnect,
  exitType: "ServiceDisconnected",
  reason: "the connection to the worker broke while it went on living",
};
