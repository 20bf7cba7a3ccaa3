/** Booting the guest: the channels a Linux VM opens to its host, in their order. */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { LINUX_GUEST_PORT } from "../../schema/hv-socket.ts";
import { Agent } from "./agent.ts";
import { BridgeServer } from "./bridge-server.ts";
import { describe } from "./errors.ts";
import { LINUX_GUEST } from "./handlers.ts";
import type { GuestLog } from "./log.ts";
import type { Dial } from "./stdio-ports.ts";
import { startConsoleShell, type SerialPort } from "./vm-process.ts";

export interface BootOptions {
  readonly dial: Dial;
  readonly log: GuestLog;
  readonly podsCgroup: string;
  readonly powerOff: () => void;
  /** Gets a shell. */
  readonly shellPort?: SerialPort;
}

/** What the host sends over the entropy channel, bytes. */
const ENTROPY_BYTES = 512;

/** Between two attempts to connect to the host, ms. */
const REDIAL_PAUSE_MS = 100;

/** Boots, and serves the host from then on. Never resolves. */
export async function bootGuest(options: BootOptions): Promise<never> {
  const { dial, log } = options;
  await readEntropy(dial, log);
  await connectLog(dial, log);
  const agent = new Agent({ ...options, notify: (notification) => bridge.notify(notification) });
  const bridge = new BridgeServer(agent, LINUX_GUEST, log);
  log.info("guest agent started", { pid: process.pid });
  if (options.shellPort !== undefined) {
    startConsoleShell(options.shellPort, agent.reaper).catch((error: unknown) =>
      log.warning("no shell on the console", { error: describe(error) }),
    );
  }
  return serveForever(bridge, () => dial(LINUX_GUEST_PORT.bridge), log);
}

/** The emulated guest has its kernel's random numbers; what it is given is read and left. Failure is tolerated. */
async function readEntropy(dial: Dial, log: GuestLog): Promise<void> {
  let received = 0;
  try {
    const socket = await dial(LINUX_GUEST_PORT.entropy);
    try {
      for await (const chunk of socket) {
        received += (chunk as Buffer).length;
        if (received >= ENTROPY_BYTES) break;
      }
    } finally {
      socket.destroy();
    }
    if (received !== ENTROPY_BYTES) log.warning("unexpected amount of entropy", { bytes: received });
  } catch (error) {
    log.warning("no entropy from the host", { error: describe(error) });
  }
}

/** Without the channel the log stays in the worker's own file. */
async function connectLog(dial: Dial, log: GuestLog): Promise<void> {
  let socket: Socket;
  try {
    socket = await dial(LINUX_GUEST_PORT.log);
  } catch (error) {
    log.warning("no log channel to the host", { error: describe(error) });
    return;
  }
  log.attach(socket);
  // The host sends nothing here; reading is how its end is noticed.
  socket.on("end", () => socket.destroy());
  socket.resume();
}

/** Serves the host; when the connection drops, dials again. */
export async function serveForever(
  bridge: Pick<BridgeServer<never>, "serve">,
  dial: () => Promise<Socket>,
  log: GuestLog,
): Promise<never> {
  for (;;) {
    try {
      const socket = await dial();
      log.info("connected to the host");
      await bridge.serve(socket);
      log.warning("connection to the host ended");
    } catch (error) {
      log.debug("cannot connect to the host", { error: describe(error) });
    }
    await delay(REDIAL_PAUSE_MS);
  }
}
