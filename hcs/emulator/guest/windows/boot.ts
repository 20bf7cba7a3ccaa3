/** Booting a Windows guest: the one channel it opens to its host. */
import type { Socket } from "node:net";
import { serveForever } from "../boot.ts";
import { BridgeServer } from "../bridge-server.ts";
import type { GuestLog } from "../log.ts";
import { WindowsAgent, type WindowsAgentOptions } from "./agent.ts";
import { windowsGuest } from "./handlers.ts";

export interface WindowsGuestOptions extends Omit<WindowsAgentOptions, "notify"> {
  readonly log: GuestLog;
  readonly dialBridge: () => Promise<Socket>;
}

export class WindowsGuest {
  readonly #options: WindowsGuestOptions;
  #agent: WindowsAgent | undefined;

  constructor(options: WindowsGuestOptions) {
    this.#options = options;
  }

  /** Serves the host. Never resolves. */
  boot(): Promise<never> {
    const { log, hostProcess, dialBridge } = this.#options;
    const agent = new WindowsAgent({
      ...this.#options,
      notify: (notification) => bridge.notify(notification),
    });
    this.#agent = agent;
    const bridge = new BridgeServer(agent, windowsGuest(hostProcess), log);
    log.info("guest agent started", { pid: process.pid });
    return serveForever(bridge, dialBridge, log);
  }

  /** Ends the containers. */
  async end(): Promise<void> {
    await this.#agent?.end();
  }
}
