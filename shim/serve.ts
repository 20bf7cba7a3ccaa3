/**
 * Entry of the long-lived shim process. It hosts one pod, whose socket listens already, so that containerd may be connected
 * before this file runs: this process was `start`, or `start` has handed the socket over. Or the keeper has started the
 * process, to be given a pod later (`hosting/member.ts`).
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import {
  HANDOVER_VARIABLE,
  LISTEN_DESCRIPTOR,
  MALLOC_VARIABLES,
  OPTIONS_VARIABLE,
} from "./bootstrap/daemon.ts";
import { ownPrograms } from "./bootstrap/programs.ts";
import { messageOf } from "./errors.ts";
import { parseFlags, SHIM_FLAGS, shimFlags } from "./flags.ts";
import { isMember, podTitle } from "./hosting/arguments.ts";
import { hostPod, type HostPodOptions } from "./hosting/host-pod.ts";
import { serveKeeper } from "./hosting/member.ts";
import { prepareVmFor, type SpareVms } from "./hosting/spare-vms.ts";
import type { OwnPod, PodOrder } from "./hosting/order.ts";
import { observeDiagnostics } from "./log/diagnostics.ts";
import type { Logger } from "./log/logger.ts";
import { readNodeFile } from "./options/node-file.ts";
import { Options } from "./options/own.ts";
import { servingPlatform } from "./platform/serving.ts";

async function serve(): Promise<void> {
  // They have had their effect, and are not meant for programs that this process runs.
  for (const name of Object.keys(MALLOC_VARIABLES)) delete process.env[name];
  if (isMember(process.argv)) return serveKeeper({ prepareProcess });
  const parsed = parseFlags(process.argv.slice(2), SHIM_FLAGS);
  const socketPath = parsed.values["socket"] ?? "";
  const encoded = process.env[OPTIONS_VARIABLE] ?? "";
  const isHandedOver = process.env[HANDOVER_VARIABLE] !== undefined;
  delete process.env[OPTIONS_VARIABLE];
  const order = {
    flags: shimFlags(parsed),
    socketPath,
    startInput: Buffer.from(encoded, "base64"),
    environment: process.env,
    isShared: false,
  };
  const spares = await prepareVmFor(order.flags, new Options(await readNodeFile(process.env)), ownPrograms());
  const serving = await servingPlatform();
  const place = { path: socketPath, ...(isHandedOver ? { descriptor: LISTEN_DESCRIPTOR } : {}) };
  await serveOnly(order, spares, (server) => serving.listen(server, place));
}

/** Goes on with what `start` has begun in this process. */
async function serveOwn({ order, listener, early, spares }: OwnPod): Promise<void> {
  process.title = podTitle(order.flags);
  await serveOnly(order, spares, (server) => {
    server.own(listener);
    early.serveBy(server);
    return Promise.resolve();
  });
}

/** Serves the one pod of this process, which ends with it. */
async function serveOnly(
  order: PodOrder,
  spares: SpareVms | undefined,
  listen: HostPodOptions["listen"],
): Promise<void> {
  const pod = await hostPod(order, {
    programs: ownPrograms(),
    spares,
    listen,
    onLogger: prepareProcess,
    onEnd: () => process.exit(0),
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => pod.end(`received ${signal}`));
}

/** What the process as a whole owes its pod: that its end is told, and comes neither too early nor too late. */
function prepareProcess(logger: Logger): void {
  observeDiagnostics(logger);
  reportCrashes(logger);
  adjustOomScore(logger);
}

/** What nobody catches ends the process; its text goes to the bundle's panic log, and to containerd's log. */
function reportCrashes(logger: Logger): void {
  process.on("uncaughtException", (error, origin) => {
    process.stderr.write(`${origin}: ${error.stack ?? error.message}\n`);
    logger.error("shim crashed", { origin, error: error.message });
    process.exit(70);
  });
}

/** The kernel kills containers before their shim, and the shim before containerd. */
function adjustOomScore(logger: Logger): void {
  const path = "/proc/self/oom_score_adj";
  if (!existsSync(path)) return;
  try {
    writeFileSync(path, String(Math.min(1000, Number(readFileSync(path, "utf8")) + 1)));
  } catch (error) {
    logger.debug("the out-of-memory score stays as it is", { error: messageOf(error) });
  }
}

/** @param own a pod that this process has already; else it is told by arguments, or by the keeper */
export function main(own?: OwnPod): void {
  (own === undefined ? serve() : serveOwn(own)).catch((error: unknown) => {
    process.stderr.write(`${basename(process.argv[1] ?? "shim")}: ${messageOf(error)}\n`);
    process.exit(1);
  });
}
