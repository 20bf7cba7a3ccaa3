/**
 * `start`: finds or makes the process that serves a task, and prints its address. On the path of every pod and
 * container: nothing here loads the daemon's modules, and nothing but the address may be printed.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { identityOf, type Identity } from "../../oci/identity.ts";
import { readAnnotations } from "../../oci/spec.ts";
import { isListening, shimAddress, type ShimAddress } from "../bootstrap/address.ts";
import { BUNDLE_FILE, writeFileAtomically } from "../bootstrap/bundle.ts";
import {
  awaitListening,
  bindSocket,
  spawnDaemon,
  type BoundSocket,
  type Daemon,
} from "../bootstrap/daemon.ts";
import { bootstrapOutput, bootstrapVersion } from "../bootstrap/output.ts";
import { decodeStartInput } from "../bootstrap/stdin.ts";
import { abortable, startDeadline, systemClock } from "../clock.ts";
import type { ShimFlags } from "../flags.ts";
import { readNodeFile } from "../options/node-file.ts";
import { Options } from "../options/own.ts";
import { readRuntimeOptions } from "../options/runtime.ts";
import { finishEarlierTask } from "../resources/leftovers.ts";
import type { Reclaimers } from "../resources/reclaim.ts";

export interface StartContext {
  /** The bundle: containerd makes it the working directory. */
  readonly bundle: string;
  /** What containerd wrote to stdin. */
  readonly stdin: Uint8Array;
  /** Program and arguments that run the daemon; the shim's flags are appended. */
  readonly daemonCommand: readonly string[];
  /** Whether a listening socket can be handed to another process here. */
  readonly listening: "handed-over" | "by-itself";
  /** Loaded only when an earlier task of this id has left something. */
  reclaimers(options: Options): Promise<Reclaimers>;
}

/** @returns what to print on stdout */
export async function start(flags: ShimFlags, context: StartContext): Promise<string> {
  const { bundle } = context;
  const decoded = decodeStartInput(context.stdin, flags);
  const identity = readIdentity(bundle);
  if (identity.role === "sandbox" && identity.podId !== flags.id) {
    throw new Error(
      `cannot start shim for "${flags.id}": its spec says that it is the sandbox of pod "${identity.podId}"`,
    );
  }
  const runtime = await readRuntimeOptions(decoded.options);
  const options = new Options(runtime.own, await readNodeFile());
  const address = shimAddress({
    namespace: flags.namespace,
    group: identity.role === "workload" ? identity.podId : flags.id,
    containerd: flags.address,
    ...(decoded.socketDirectory === undefined ? {} : { socketDirectory: decoded.socketDirectory }),
  });
  await finishLeftovers(flags, options, context);
  if (identity.role === "workload") await requirePod(identity.podId, address);
  else {
    const command = [
      ...context.daemonCommand,
      ...daemonFlags(flags, bundle, address, decoded.debug),
      ...(identity.role === "sandbox" ? ["-is-sandbox"] : []),
      "serve",
    ];
    const launch = (socket?: BoundSocket): Daemon => {
      const daemon = spawnDaemon({
        command,
        bundle,
        options: context.stdin,
        ...(socket === undefined ? {} : { socket }),
      });
      writeFileAtomically(join(bundle, BUNDLE_FILE.pid), String(daemon.pid));
      return daemon;
    };
    await HOSTINGS[context.listening](address, launch, options.budgetMs("shim-start"));
  }
  writeFileAtomically(join(bundle, BUNDLE_FILE.address), address.url);
  return bootstrapOutput(bootstrapVersion(options.bootstrap, bundle), address);
}

/** Of an id that is used again, what its earlier task held has to go first. */
async function finishLeftovers(flags: ShimFlags, options: Options, context: StartContext): Promise<void> {
  const place = { stateDirectory: options.stateDirectory, namespace: flags.namespace, id: flags.id };
  using deadline = startDeadline(systemClock, options.budgetMs("leftovers"), "leftovers");
  await abortable(
    finishEarlierTask(place, () => context.reclaimers(options)),
    deadline.signal,
  );
}

/** A bundle of the Sandbox API has no spec: it is a sandbox of its own. */
function readIdentity(bundle: string): Identity {
  let text: string;
  try {
    text = readFileSync(join(bundle, BUNDLE_FILE.config), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && bootstrapVersion("auto", bundle) === 3) {
      return { role: "standalone" };
    }
    throw error;
  }
  return identityOf(readAnnotations(JSON.parse(text)));
}

async function requirePod(podId: string, address: ShimAddress): Promise<void> {
  if (await isListening(address.path)) return;
  throw new Error(`cannot join pod "${podId}": no shim answers at ${address.url}`);
}

/** How a process comes to listen: on a socket that was bound here, or on one of its own making. */
type Hosting = (
  address: ShimAddress,
  launch: (socket?: BoundSocket) => Daemon,
  budgetMs: number,
) => Promise<void>;

const HOSTINGS: Readonly<Record<StartContext["listening"], Hosting>> = {
  "handed-over": async (address, launch) => {
    const socket = await bindSocket(address.path, isListening);
    // Somebody serves this very id already (containerd asks again after a failure of its own): it is the one to use.
    if (socket === undefined) return;
    try {
      launch(socket);
    } catch (error) {
      socket.abandon();
      throw error;
    }
  },
  "by-itself": async (address, launch, budgetMs) => {
    if (await isListening(address.path)) return;
    await awaitListening(address.path, launch(), isListening, systemClock, budgetMs);
  },
};

function daemonFlags(flags: ShimFlags, bundle: string, address: ShimAddress, debug: boolean): string[] {
  return [
    ["-namespace", flags.namespace],
    ["-id", flags.id],
    ["-address", flags.address],
    ["-publish-binary", flags.publishBinary],
    ["-bundle", bundle],
    ["-socket", address.path],
    ...(flags.debug || debug ? [["-debug"]] : []),
  ].flat();
}
