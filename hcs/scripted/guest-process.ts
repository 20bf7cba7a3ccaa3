/** A process in a scripted guest, its stdio dialled as a guest does it. */
import type { Duplex } from "node:stream";
import { vsockServiceId } from "../schema/hv-socket.ts";
import type { Json } from "./platform.ts";
import type { ScriptedHvSockets } from "./hv-sockets.ts";
import type { EndingProcess, Machine } from "./machine.ts";

/** Status of a guest process that was signalled: 128 + SIGKILL. */
const SIGNALLED = 137;

export class GuestProcess implements EndingProcess {
  readonly processId: number;
  readonly #stdin: Duplex | undefined;
  readonly #stdout: Duplex | undefined;
  readonly #stderr: Duplex | undefined;
  readonly #listeners: ((exitCode: number) => void)[] = [];
  #exitCode: number | undefined;

  /** @param settings of the request: where the host listens for the streams */
  constructor(machine: Machine, os: "linux" | "windows", hvSockets: ScriptedHvSockets, settings: Json) {
    const member = os === "linux" ? "VsockStdioRelaySettings" : "StdioRelaySettings";
    const addresses = (settings[member] ?? {}) as Readonly<Record<string, string | number>>;
    const dial = (stream: string): Duplex | undefined => {
      const address = addresses[stream];
      if (address === undefined) return undefined;
      return hvSockets.dial(os === "linux" ? vsockServiceId(Number(address)) : String(address));
    };
    this.#stdin = dial("StdIn")?.resume();
    this.#stdout = dial("StdOut");
    this.#stderr = dial("StdErr");
    this.processId = machine.addProcess(this);
  }

  get isRunning(): boolean {
    return this.#exitCode === undefined;
  }

  onExit(listener: (exitCode: number) => void): void {
    if (this.#exitCode === undefined) this.#listeners.push(listener);
    else listener(this.#exitCode);
  }

  write(text: string): void {
    this.#stdout?.write(text);
  }

  signal(): void {
    this.end(SIGNALLED);
  }

  end(exitCode: number): void {
    if (this.#exitCode !== undefined) return;
    this.#exitCode = exitCode;
    this.#stdin?.destroy();
    for (const output of [this.#stdout, this.#stderr]) output?.resume().end();
    for (const listener of this.#listeners.splice(0)) listener(exitCode);
  }
}
