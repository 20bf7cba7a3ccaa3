/** A container of the guest: its init process, its execs, and what the host may do to them. */
import type { NotificationType } from "../../guest/protocol.ts";
import type { ContainerKind } from "./annotations.ts";
import { GuestError, RESULT } from "./errors.ts";
import type { OciProcess, OciRlimit } from "./oci.ts";
import { StdioPipes } from "./pipes.ts";
import { GuestProcess, type GuestProcessInit } from "./process.ts";
import type { Runc } from "./runc.ts";
import type { Pod } from "./sandbox.ts";
import { PipeStdio, TerminalStdio } from "./stdio.ts";
import { closeStdio, dialStdio, type Dial, type StreamName } from "./stdio-ports.ts";
import type { TeeLog } from "./tee-log.ts";
import { resolveUser, type ResolvedUser } from "./users.ts";
import { waitForExit } from "./wait-for-exit.ts";

export interface ContainerInit {
  readonly id: string;
  readonly kind: ContainerKind;
  readonly pod: Pod;
  readonly bundle: string;
  /** Directory of the overlay's writable part, removed with the container. */
  readonly scratch: string | undefined;
  /** Absolute path below every hierarchy. */
  readonly cgroup: string;
  /** Of the Create request; repeated in the exit notification. */
  readonly activityId: string | undefined;
  readonly rootPath: string;
  /** Given when the spec named a user: what that resolved to. */
  readonly user: ResolvedUser | undefined;
  readonly rlimits: readonly OciRlimit[] | undefined;
  readonly init: GuestProcess;
  readonly tee: TeeLog | undefined;
  /** Lets processes run that the host has frozen. */
  readonly thaw: () => void;
}

export type ContainerState = "created" | "running" | "stopped";

const SIGKILL = 9;

/** Exit types by the last of these signals that the host sent to init; without one the exit is "unexpected". */
const EXIT_TYPES: ReadonlyMap<number, NotificationType> = new Map([
  [15, "GracefulExit"],
  [SIGKILL, "ForcedExit"],
]);

export interface StartStreams {
  readonly dial: Dial;
  readonly ports: ReadonlyMap<StreamName, number>;
}

export class Container {
  readonly id: string;
  readonly pod: Pod;
  readonly about: ContainerInit;
  readonly #runc: Runc;
  readonly #execs = new Map<number, GuestProcess>();
  /** Execs whose exit is in a response that is about to be sent. */
  readonly #told = new Set<number>();
  readonly #onExit: (container: Container, type: NotificationType) => void;
  #starting = false;
  #exitType: NotificationType = "UnexpectedExit";
  #initWaits = { pending: 0, answered: false };
  #finished = false;
  #notified = false;

  /** `onExit` is called once, when the host may be told about the exit of init. */
  constructor(
    about: ContainerInit,
    runc: Runc,
    onExit: (container: Container, type: NotificationType) => void,
  ) {
    this.id = about.id;
    this.pod = about.pod;
    this.about = about;
    this.#runc = runc;
    this.#onExit = onExit;
    void about.init.finished.then(() => {
      this.#finished = true;
      about.tee?.close();
      this.#notify();
    });
  }

  get state(): ContainerState {
    if (this.about.init.status !== undefined) return "stopped";
    return this.#starting ? "running" : "created";
  }

  /** Lets the init process run its program, with its streams connected. Answers its pid. */
  async start({ dial, ports }: StartStreams): Promise<number> {
    const { init, tee } = this.about;
    if (this.state !== "created") {
      throw new GuestError(
        RESULT.invalidState,
        `init of container "${this.id}" has been started: it is ${this.state}`,
      );
    }
    this.#starting = true;
    try {
      const connections = await dialStdio(dial, ports);
      if (init.status !== undefined) {
        closeStdio(connections);
        throw new GuestError(
          RESULT.alreadyStopped,
          `init of container "${this.id}" has exited before its start`,
        );
      }
      init.stdio.attach(connections, { redial: { dial, ports }, ...(tee === undefined ? {} : { tee }) });
    } catch (error) {
      this.#starting = false;
      throw error;
    }
    await this.#runc.start(this.id);
    return init.pid;
  }

  /** Starts another process. Answers its pid. */
  async exec(process: OciProcess, { dial, ports }: StartStreams): Promise<number> {
    if (this.state === "stopped") {
      throw new GuestError(RESULT.alreadyStopped, `container "${this.id}" is stopped`);
    }
    const prepared = this.#prepareExec(process);
    const connections = await dialStdio(dial, ports);
    try {
      const { pid, exited, stdio } = await this.#launch(prepared, ports);
      // Attached before the exit is looked at: a short program has ended by now.
      stdio.attach(connections);
      this.#execs.set(pid, new GuestProcess({ pid, exited, stdio }));
      return pid;
    } catch (error) {
      closeStdio(connections);
      throw error;
    }
  }

  async #launch(process: OciProcess, ports: ReadonlyMap<StreamName, number>): Promise<GuestProcessInit> {
    if (process.terminal === true) {
      const { terminal, ...launched } = await this.#runc.exec(this.id, process, "terminal");
      if (terminal === undefined) throw new GuestError(RESULT.failed, "runc gave no terminal");
      return { ...launched, stdio: new TerminalStdio(terminal) };
    }
    const pipes = new StdioPipes(new Set(ports.keys()));
    try {
      return { ...(await this.#runc.exec(this.id, process, pipes)), stdio: new PipeStdio(pipes) };
    } catch (error) {
      pipes.destroy();
      throw error;
    } finally {
      pipes.closeChildEnds();
    }
  }

  /** Execs have the container's limits, and its user where the container named one and they do not. */
  #prepareExec(process: OciProcess): OciProcess {
    const { rootPath, user, rlimits } = this.about;
    const name = process.user?.username;
    const resolved = name === undefined || name === "" ? user : resolveUser(rootPath, name);
    return {
      ...process,
      ...(rlimits === undefined || process.rlimits !== undefined ? {} : { rlimits: [...rlimits] }),
      ...(resolved === undefined ? {} : { user: { ...process.user, ...resolved } }),
    };
  }

  /**
   * Waits until process `pid` has exited and its output has been taken. Every answer to a wait must be followed by
   * {@link waitAnswered}.
   */
  async wait(pid: number, timeoutMs: number): Promise<number> {
    const process = this.process(pid);
    const isInit = process === this.about.init;
    if (isInit) this.#initWaits.pending += 1;
    const status = await waitForExit(process.finished, timeoutMs, `process ${pid} of container "${this.id}"`);
    if (this.#execs.get(pid) === process) this.#told.add(pid);
    return status;
  }

  /**
   * The response to a wait for `pid`, successful or not, is on its way.
   *
   * @param isHeard false: whoever asked is gone, and somebody else may ask again
   */
  waitAnswered(pid: number, isHeard = true): void {
    // An exec is forgotten once its exit has been told.
    if (this.#told.delete(pid) && isHeard) this.#execs.delete(pid);
    if (pid !== this.about.init.pid) return;
    this.#initWaits.pending -= 1;
    this.#initWaits.answered = true;
    this.#notify();
  }

  /** The host hears of the exit after at least one wait for init was answered, and while none is pending. */
  #notify(): void {
    const { pending, answered } = this.#initWaits;
    if (this.#notified || !this.#finished || !answered || pending > 0) return;
    this.#notified = true;
    this.#onExit(this, this.#exitType);
  }

  /** A process that has not been forgotten. */
  process(pid: number): GuestProcess {
    const { init } = this.about;
    const process = pid === init.pid ? init : this.#execs.get(pid);
    if (process !== undefined) return process;
    throw new GuestError(RESULT.elementNotFound, `container "${this.id}" has no process ${pid}`);
  }

  /** Sends a signal to one process. */
  signal(pid: number, signal: number): void {
    const process = this.process(pid);
    process.signal(signal);
    if (process !== this.about.init) return;
    this.#exitType = EXIT_TYPES.get(signal) ?? this.#exitType;
    // What is frozen is killed only once it runs again.
    if (signal === SIGKILL) this.about.thaw();
  }

  /** ShutdownGraceful and ShutdownForced: asks init to end, or ends it. Returns at once. */
  shutdown(signal: number): void {
    const { init } = this.about;
    if (init.status !== undefined) {
      throw new GuestError(RESULT.alreadyStopped, `container "${this.id}" is not running`);
    }
    init.stdio.giveUpRedialling();
    this.signal(init.pid, signal);
  }

  /** Ends all streams, so that every wait is answered. For a container that is being deleted. */
  release(): void {
    for (const process of [this.about.init, ...this.#execs.values()]) process.stdio.release();
  }
}
