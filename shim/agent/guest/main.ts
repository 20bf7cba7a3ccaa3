/**
 * Entry of the agent: the first process of a container, which does in it what the host asks for.
 *
 * Usage: `agent --listen ADDRESS --staging DIRECTORY`
 */
import { parseArgs } from "node:util";
import { systemClock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import { listenOn } from "./listen.ts";
import { agentLog } from "./log.ts";
import { createAgentServer } from "./server.ts";
import { Staging } from "./staging.ts";
import type { GuestSystem } from "./system.ts";
import { Transfers } from "./transfer.ts";

/** How long jobs may take to end when the container is asked to, ms. */
const GRACE_MS = 10_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { listen: { type: "string" }, staging: { type: "string" }, version: { type: "boolean" } },
  });
  if (values.version === true) return void process.stdout.write(`agent ${VERSION}\n`);
  const { listen, staging } = values;
  if (listen === undefined || staging === undefined)
    throw new Error("usage: agent --listen ADDRESS --staging DIRECTORY");
  const log = agentLog(
    (line) => void process.stderr.write(line),
    () => Date.now(),
  );
  const transfers = new Transfers();
  const { platform, trees, listeners, endSignals } = await openSystem();
  const server = createAgentServer({
    platform,
    staging: new Staging(staging),
    trees,
    transfers,
    log,
    environment: process.env,
    clock: systemClock,
  });
  const listening = await listenOn(listen, listeners, {
    onConnection: (connection) => server.accept(connection),
    onFailure: (error) => {
      log.info("agent cannot listen", { error: messageOf(error) });
      process.exit(1);
    },
  });
  log.info("agent listens", { version: VERSION, listen, pid: process.pid });
  // What process 1 is told is meant for what runs in its container. With its end everything else ends.
  const end = (signal: NodeJS.Signals): void => {
    log.info("agent ends", { signal, running: server.running });
    listening.close();
    trees.signalAll(signal);
    const leave = (): never => {
      server.close();
      transfers.close();
      process.exit(0);
    };
    systemClock.setTimeout(leave, GRACE_MS);
    void server.drain().then(leave);
  };
  for (const signal of endSignals) process.once(signal, end);
}

/** What is for another system is not in the program. */
async function openSystem(): Promise<GuestSystem> {
  const system =
    process.platform === "win32" ? await import("./windows/system.ts") : await import("./linux/system.ts");
  return system.openSystem();
}

main().catch((error: unknown) => {
  process.stderr.write(`agent: ${messageOf(error)}\n`);
  process.exitCode = 1;
});
