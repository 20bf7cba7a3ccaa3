/** A process behind the guest connection: in a container, or in the virtual machine itself. */
import type {
  CallOptions,
  ConsoleSize,
  HcsProcess,
  ProcessExit,
  ProcessSignal,
  ProcessStdio,
  SignalOutcome,
  StdioPorts,
} from "../api.ts";
import { HcsError } from "../errors.ts";
import { isAlreadyStopped, isNotFound, isWin32 } from "../hresult.ts";
import { HRESULT } from "../hresult-table.ts";
import { stringifyJson } from "../json.ts";
import type { ProcessParameters } from "../schema/process.ts";
import type { Listen } from "./accept.ts";
import type { GuestBridge } from "./bridge.ts";
import { report } from "./diagnostics.ts";
import { describeCall, protocolError } from "./errors.ts";
import {
  NULL_CONTAINER_ID,
  WAIT_FOREVER,
  type ExecuteProcessResponse,
  type SignalOptions,
  type SignalProcessRequest,
} from "./protocol.ts";
import { signalRequest } from "./signals.ts";
import { GuestStdio, type GuestOs } from "./stdio.ts";

/** What a process needs of the connection it was created through. */
export interface ProcessHost {
  readonly bridge: GuestBridge;
  readonly os: GuestOs;
  readonly listen: Listen;
  /** The guest delivers signals; without that it can only kill. */
  readonly canSignal: () => boolean;
}

/** `ERROR_NOT_FOUND`: what guests answer about a process they do not know. */
const ELEMENT_NOT_FOUND = 0x490;
/** Exit code of a process whose exit the guest no longer knows. */
const UNKNOWN_EXIT_CODE = 0xffff_ffff;
const MAX_CONSOLE_SIZE = 0xffff;

/**
 * Creates a process in container `containerId`. Listeners for its stdio are open before the guest is asked,
 * because it dials them before it answers. When the call fails or is given up, none of them stays open; a
 * process that the guest reports after that is killed.
 */
export async function createGuestProcess(
  host: ProcessHost,
  containerId: string,
  parameters: ProcessParameters,
  options: CallOptions = {},
): Promise<GuestProcess> {
  const { bridge, os, listen } = host;
  const stdio = await GuestStdio.open(
    parameters,
    { guest: bridge.name, os, listen, takePort: () => bridge.session.takePort() },
    options,
  );
  try {
    const body = {
      ContainerId: containerId,
      Settings: { ProcessParameters: stringifyJson(parameters), ...stdio.relaySettings },
    };
    const response = await bridge.request("ExecuteProcess", body, {
      ...options,
      late: (response) => disposeOf(host, containerId, response),
    });
    if (response.ProcessId === undefined || response.ProcessId === 0) {
      throw protocolError(
        describeCall("ExecuteProcess", body, bridge.name),
        "the guest reported no process id",
      );
    }
    return new GuestProcess(host, containerId, response.ProcessId, stdio);
  } catch (error) {
    await stdio.release();
    throw error;
  }
}

/**
 * A process that an earlier conversation with the guest has created, in container `containerId`. Its streams are accepted
 * once more at the ports they had.
 */
export async function adoptGuestProcess(
  host: ProcessHost,
  containerId: string,
  processId: number,
  ports: StdioPorts,
): Promise<GuestProcess> {
  const { bridge, os, listen } = host;
  const stdio = await GuestStdio.reopen(ports, { guest: bridge.name, os, listen });
  return new GuestProcess(host, containerId, processId, stdio);
}

/** Ends a process that came into being after its creator had given up. */
function disposeOf(
  host: ProcessHost,
  ContainerId: string,
  response: ExecuteProcessResponse | undefined,
): void {
  const ProcessId = response?.ProcessId ?? 0;
  if ((response?.Result ?? 0) !== 0 || ProcessId === 0) return;
  const { bridge } = host;
  const target = { ContainerId, ProcessId };
  // A guest keeps what it knows of an exec until somebody has waited for it.
  inBackground(bridge, `waiting for abandoned process ${ProcessId}`, () =>
    bridge.request("WaitForProcess", { ...target, TimeoutInMs: WAIT_FOREVER }),
  );
  inBackground(bridge, `killing abandoned process ${ProcessId}`, () =>
    bridge.request("SignalProcess", target),
  );
}

function inBackground(bridge: GuestBridge, work: string, action: () => Promise<unknown>): void {
  action().catch((error: unknown) =>
    report({ guest: bridge.name, event: "background-failure", work, error }),
  );
}

/** Made by {@link createGuestProcess}. */
export class GuestProcess implements HcsProcess {
  readonly processId: number;
  readonly stdio: ProcessStdio;
  readonly stdioPorts: StdioPorts;
  readonly exited: Promise<ProcessExit>;
  readonly #host: ProcessHost;
  readonly #containerId: string;
  readonly #stdio: GuestStdio;
  /** `unknown`: the connection ended first, or the guest failed the wait. */
  #state: "running" | "exited" | "unknown" = "running";
  #closed: Promise<void> | undefined;

  constructor(host: ProcessHost, containerId: string, processId: number, stdio: GuestStdio) {
    this.processId = processId;
    this.stdio = stdio.streams;
    this.stdioPorts = stdio.ports;
    this.#host = host;
    this.#containerId = containerId;
    this.#stdio = stdio;
    this.exited = this.#wait();
    // Whoever waits sees the rejection; a process nobody waits for must not end the shim.
    this.exited.catch(() => undefined);
  }

  /**
   * Delivers `signal`. Rejects with `E_INVALIDARG` for a signal that the guest does not have. A Windows guest
   * may not answer before the target is gone, so for one the request is only sent.
   */
  async signal(signal: ProcessSignal, options: CallOptions = {}): Promise<SignalOutcome> {
    const request = signalRequest(this.#host.os, signal, this.#host.canSignal());
    if (request === undefined) {
      throw this.#invalid("signal", `the ${this.#host.os} guest has no signal ${signal}`);
    }
    return this.#deliver(request.options, options);
  }

  async terminate(options: CallOptions = {}): Promise<SignalOutcome> {
    return this.#deliver(undefined, options);
  }

  async resize(size: ConsoleSize, options: CallOptions = {}): Promise<void> {
    for (const [name, value] of [
      ["height", size.height],
      ["width", size.width],
    ] as const) {
      if (!Number.isInteger(value) || value < 0 || value > MAX_CONSOLE_SIZE) {
        throw this.#invalid("resize console of", `${name} ${value} is not a number of 16 bits`);
      }
    }
    const body = { ...this.#target, Height: size.height, Width: size.width };
    await this.#host.bridge.request("ResizeConsole", body, options);
  }

  async closeStdin(): Promise<void> {
    this.stdio.stdin?.end();
  }

  /**
   * Lets go of the process. What is unread of its output is lost, but as long as the process lives its output
   * keeps a reader: a guest without one may never report the exit.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#state !== "running") return this.#stdio.release();
    this.#stdio.discard();
    const release = () => this.#stdio.release();
    void this.exited.then(release, release);
  }

  get #target(): { ContainerId: string; ProcessId: number } {
    return { ContainerId: this.#containerId, ProcessId: this.processId };
  }

  async #wait(): Promise<ProcessExit> {
    const body = { ...this.#target, TimeoutInMs: WAIT_FOREVER };
    try {
      const { ExitCode } = await this.#host.bridge.request("WaitForProcess", body);
      this.#state = "exited";
      return { exitCode: (ExitCode ?? 0) >>> 0 };
    } catch (error) {
      if (isElementNotFound(error)) {
        this.#state = "exited";
        return { exitCode: UNKNOWN_EXIT_CODE };
      }
      this.#state = "unknown";
      throw error;
    }
  }

  async #deliver(signal: SignalOptions | undefined, options: CallOptions): Promise<SignalOutcome> {
    if (this.#state === "exited") return "gone";
    const body = signal === undefined ? this.#target : { ...this.#target, Options: signal };
    const { bridge, os } = this.#host;
    if (os === "windows") {
      options.signal?.throwIfAborted();
      inBackground(bridge, `signalling process ${this.processId}`, () => this.#request(body));
      return "delivered";
    }
    return this.#request(body, options);
  }

  async #request(body: SignalProcessRequest, options: CallOptions = {}): Promise<SignalOutcome> {
    try {
      await this.#host.bridge.request("SignalProcess", body, options);
      return "delivered";
    } catch (error) {
      if (this.#meansGone(error)) return "gone";
      throw error;
    }
  }

  /** A Linux guest answers "no such container" when it cannot signal processes of the VM itself. */
  #meansGone(error: unknown): boolean {
    if (isAlreadyStopped(error)) return true;
    if (this.#containerId !== NULL_CONTAINER_ID) return isNotFound(error);
    return isElementNotFound(error);
  }

  #invalid(operation: string, detail: string): HcsError {
    const target = `process ${this.processId} of ${this.#containerId}`;
    return new HcsError({ operation, target, hresult: HRESULT.invalidArgument, detail });
  }
}

function isElementNotFound(error: unknown): boolean {
  return error instanceof HcsError && isWin32(error.hresult, ELEMENT_NOT_FOUND);
}
