/**
 * `start`: finds or makes the process that serves a task, and prints its address. On the path of every pod and
 * container: nothing here loads the daemon's modules, and nothing but the address may be printed.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { identityOf, type Identity } from "../../oci/identity.ts";
import { readAnnotations } from "../../oci/spec.ts";
import { isListening, shimAddress, type ShimAddress } from "../bootstrap/address.ts";
import { BUNDLE_FILE, readIfPresent, writeFileAtomically } from "../bootstrap/bundle.ts";
import {
  awaitListening,
  bindSocket,
  listenUnlessServed,
  spawnDaemon,
  type BoundSocket,
  type Daemon,
} from "../bootstrap/daemon.ts";
import { bootstrapOutput, bootstrapVersion } from "../bootstrap/output.ts";
import { decodeStartInput } from "../bootstrap/stdin.ts";
import { abortable, startDeadline, systemClock } from "../clock.ts";
import type { ShimFlags } from "../flags.ts";
import { EarlyConnections } from "../hosting/early-connections.ts";
import type { OwnPod, PodOrder } from "../hosting/order.ts";
import { readNodeFile } from "../options/node-file.ts";
import { Options, type Hosting } from "../options/own.ts";
import { readRuntimeOptions } from "../options/runtime.ts";
import { finishEarlierTask } from "../resources/leftovers.ts";
import type { Reclaimers } from "../resources/reclaim.ts";

/**
 * Lets the keeper do all that `start` does, where options ask for it.
 *
 * @returns what to print, or undefined where the keeper cannot
 */
export type AskKeeper = (
  hosting: Exclude<Hosting, "process">,
  budgetMs: number,
) => Promise<string | undefined>;

/** How the pod of this `start` comes to a process. */
export type PodPlacement =
  | {
      /** `start` starts one. */
      readonly kind: "spawn";
      /** Program and arguments that run the daemon; the shim's flags are appended. */
      readonly daemonCommand: readonly string[];
      /** Whether a listening socket can be handed to another process here. */
      readonly listening: "handed-over" | "by-itself";
      readonly askKeeper?: AskKeeper;
    }
  | {
      /** It gets the one that is `start`, once that has answered. */
      readonly kind: "stay";
      readonly take: (pod: OwnPod, options: Options) => void;
      readonly askKeeper?: AskKeeper;
    }
  | {
      /** The keeper has one. Nothing is returned when somebody serves the pod's address already. */
      readonly kind: "keeper";
      readonly host: (hosting: Hosting, order: PodOrder) => Promise<{ readonly pid: number } | undefined>;
    };

export interface StartContext {
  /** The bundle: containerd makes it the working directory. */
  readonly bundle: string;
  /** What containerd wrote to stdin. */
  readonly stdin: Uint8Array;
  /** The environment containerd gave; the process's own unless said otherwise. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly placement: PodPlacement;
  /** Loaded only when an earlier task of this id has left something. */
  reclaimers(options: Options): Promise<Reclaimers>;
}

/** @returns what to print on stdout */
export async function start(flags: ShimFlags, context: StartContext): Promise<string> {
  const { bundle, placement } = context;
  const environment = context.environment ?? process.env;
  const decoded = decodeStartInput(context.stdin, flags);
  const identity = readIdentity(bundle);
  if (identity.role === "sandbox" && identity.podId !== flags.id) {
    throw new Error(
      `cannot start shim for "${flags.id}": its spec says that it is the sandbox of pod "${identity.podId}"`,
    );
  }
  const runtime = await readRuntimeOptions(decoded.options);
  const options = new Options(runtime.own, await readNodeFile(environment));
  const { hosting } = options;
  if (placement.kind !== "keeper" && hosting !== "process") {
    const answer = await placement.askKeeper?.(hosting, options.budgetMs("keeper-start"));
    if (answer !== undefined) return answer;
  }
  const address = shimAddress({
    namespace: flags.namespace,
    group: identity.role === "workload" ? identity.podId : flags.id,
    containerd: flags.address,
    ...(decoded.socketDirectory === undefined ? {} : { socketDirectory: decoded.socketDirectory }),
  });
  await finishLeftovers(flags, options, context);
  if (identity.role === "workload") {
    await requirePod(identity.podId, address);
    copyPid(identity.podId, bundle);
  } else {
    const order: PodOrder = {
      flags: {
        ...flags,
        bundle,
        debug: flags.debug || decoded.debug,
        ...(identity.role === "sandbox" ? { isSandbox: true } : {}),
      },
      socketPath: address.path,
      startInput: context.stdin,
      environment,
      isShared: hosting === "shared",
    };
    const keepPid = ({ pid }: { readonly pid: number }): void =>
      writeFileAtomically(join(bundle, BUNDLE_FILE.pid), String(pid));
    if (placement.kind === "stay") {
      const pod = await listenFor(order);
      // Somebody serves this very id already (containerd asks again after a failure of its own): it is the one to use.
      if (pod !== undefined) {
        placement.take(pod, options);
        keepPid(process);
      }
    } else if (placement.kind === "keeper") {
      const place = await placement.host(hosting, order);
      // Somebody serves this very id already (containerd asks again after a failure of its own): it is the one to use.
      if (place !== undefined) keepPid(place);
    } else {
      const launch = (socket?: BoundSocket): Daemon => {
        const daemon = spawnDaemon({
          command: [...placement.daemonCommand, ...daemonFlags(order), "serve"],
          bundle,
          options: context.stdin,
          environment,
          ...(socket === undefined ? {} : { socket }),
        });
        keepPid(daemon);
        return daemon;
      };
      await LISTENINGS[placement.listening](address, launch, options.budgetMs("shim-start"));
    }
  }
  writeFileAtomically(join(bundle, BUNDLE_FILE.address), address.url);
  return bootstrapOutput(bootstrapVersion(options.bootstrap, bundle), address);
}

/** @returns undefined when somebody serves the pod */
async function listenFor(order: PodOrder): Promise<OwnPod | undefined> {
  const listener = await listenUnlessServed(order.socketPath, isListening);
  if (listener === undefined) return undefined;
  const early = new EarlyConnections();
  listener.on("connection", early.accept);
  return { order, listener, early };
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

/** containerd keeps the bundles of a namespace beside each other: the pod's has the pid of the process that serves both. */
function copyPid(podId: string, bundle: string): void {
  const pid = readIfPresent(join(dirname(bundle), podId, BUNDLE_FILE.pid));
  if (pid !== undefined) writeFileAtomically(join(bundle, BUNDLE_FILE.pid), pid);
}

/** How a process comes to listen: on a socket that was bound here, or on one of its own making. */
type Listening = (
  address: ShimAddress,
  launch: (socket?: BoundSocket) => Daemon,
  budgetMs: number,
) => Promise<void>;

const LISTENINGS: Readonly<Record<"handed-over" | "by-itself", Listening>> = {
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

function daemonFlags({ flags, socketPath }: PodOrder): string[] {
  return [
    ["-namespace", flags.namespace],
    ["-id", flags.id],
    ["-address", flags.address],
    ["-publish-binary", flags.publishBinary],
    ["-bundle", flags.bundle ?? ""],
    ["-socket", socketPath],
    ...(flags.debug ? [["-debug"]] : []),
    ...(flags.isSandbox === true ? [["-is-sandbox"]] : []),
  ].flat();
}
