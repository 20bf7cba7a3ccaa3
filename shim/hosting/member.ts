/**
 * A process that the keeper has started: a spare that waits for its one pod, or the process that all shared pods have. A
 * spare that got its pod is like any other shim process; the keeper may go.
 */
import { duplexPair } from "node:stream";
import { bundleFile } from "../bootstrap/bundle.ts";
import { UNWANTED_VARIABLES } from "../bootstrap/daemon.ts";
import { loadLateModules } from "../../hcs/emulator/late-modules.ts";
import { ownPrograms } from "../bootstrap/programs.ts";
import { systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { stderrDestination } from "../log/destination.ts";
import { formatRecord } from "../log/format.ts";
import { Logger } from "../log/logger.ts";
import { readNodeFile } from "../options/node-file.ts";
import { Options } from "../options/own.ts";
import { CAN_PASS_CONNECTIONS } from "../platform/facts.ts";
import { servingPlatform } from "../platform/serving.ts";
import { Doors, listenEarly, type EarlyListener } from "./doors.ts";
import { hostPod, type HostedPod } from "./host-pod.ts";
import { podTitle, READY_TITLE } from "./arguments.ts";
import { keeperAddress } from "./keeper/address.ts";
import { fromMessage, type HostMessage, type KeeperMessage, type MemberMessage } from "./messages.ts";
import type { PodOrder } from "./order.ts";
import { prepareVm, type SpareVms } from "./spare-vms.ts";
import { PodHolder, type Handle } from "./takeover/holder.ts";
import { Task } from "../../protos/gen/task-v2.ts";
import { Client, type Server } from "../ttrpc/index.ts";

export interface MemberOptions {
  /** Called once, with the logger that speaks for the process. */
  readonly prepareProcess: (logger: Logger) => void;
}

export async function serveKeeper(options: MemberOptions): Promise<void> {
  const member = new Member(options);
  // From the first moment: a keeper may die while this process boots.
  process.on("disconnect", () => member.lost());
  process.on("message", (message: KeeperMessage, handle: unknown) => member.hear(message, handle as Handle));
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => member.end(`received ${signal}`));
  member.spares = await prepareVm(new Options(await readNodeFile(process.env)), ownPrograms());
  // What the first pod needs; loading it is what nobody has to wait for.
  if (process.platform === "linux") {
    await import("../../hcs/emulator/emulator.ts");
    loadLateModules();
    // The FFI package takes longer than all else that a pod's first answer waits for.
    (await import("../../hcs/posix/libc.ts")).trimHeap();
  }
  await rehearse();
  // For ps, and whoever waits for one. A spare gets no order before; it will have its pod's title.
  process.title = READY_TITLE;
  await member.openDoors(1);
  say({ kind: "ready" });
}

/** How many pods can come at once to a shared process without one of them having to wait until it listens. */
const SHARED_DOORS = 4;

/** A keeper that is gone does not hear it, which is no loss: it asks nothing any more. */
function say(message: MemberMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

class Member {
  readonly #options: MemberOptions;
  readonly #pods = new Map<number, HostedPod>();
  /** What was held for pods that this process is about to get, by serial and name. */
  readonly #handles = new Map<number, Map<string, Handle>>();
  /** VMs that were booted before there was a pod. */
  spares: SpareVms | undefined;
  readonly #doors = new Doors(keeperAddress(process.env));
  /** Orders under way. */
  #pending = 0;
  #isPrepared = false;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  hear(message: KeeperMessage, handle: Handle | undefined): void {
    if (message.kind === "host") {
      void this.#host(message);
      return;
    }
    const handles = this.#handles.get(message.serial) ?? new Map<string, Handle>();
    this.#handles.set(message.serial, handles);
    if (handle !== undefined) handles.set(message.name, handle);
  }

  /** Makes doors for pods to come, up to so many. */
  async openDoors(wanted: number): Promise<void> {
    while (CAN_PASS_CONNECTIONS && process.connected && this.#doors.count < wanted)
      say({ kind: "door", path: await this.#doors.make() });
  }

  async #host(message: HostMessage): Promise<void> {
    const { serial } = message;
    const order = fromMessage(message.order);
    this.#pending += 1;
    try {
      const listener = await this.#listen(message);
      try {
        await this.#serve(message, order, listener);
      } catch (error) {
        process.stderr.write(`${messageOf(error)}\n`);
        listener.close();
        (await servingPlatform()).removeSocket(order.socketPath);
        this.#ended(serial);
        if (!order.isShared) process.exit(1);
      }
    } catch (error) {
      say({ kind: "failed", serial, text: messageOf(error) });
    } finally {
      this.#handles.delete(serial);
      this.#pending -= 1;
    }
    // From now on as if it had been started for its pod.
    if (!order.isShared && process.connected) process.disconnect();
    this.#endUnlessNeeded();
    if (order.isShared) await this.openDoors(SHARED_DOORS);
  }

  /** Whoever waits for the address has it by then, or can have it now: connections wait as well. */
  async #listen({ serial, door, order }: HostMessage): Promise<EarlyListener> {
    if (door !== undefined) return this.#doors.take(door);
    const listener = await listenEarly(order.socketPath);
    say({ kind: "hosted", serial });
    return listener;
  }

  async #serve(message: HostMessage, order: PodOrder, listener: EarlyListener): Promise<void> {
    const { serial, isTakeover, held = [] } = message;
    const holder = new PodHolder(serial);
    const handles = this.#handles.get(serial) ?? new Map<string, Handle>();
    if (order.isShared) {
      this.#prepare(sharedLogger());
      this.spares?.keepReady();
    } else await becomeShimOf(order);
    const pod = await hostPod(order, {
      programs: ownPrograms(),
      listen: listener.serve,
      spares: this.spares,
      onLogger: (logger) => {
        if (!order.isShared) this.#prepare(logger);
      },
      onEnd: () => this.#ended(serial),
      ...(order.isShared && CAN_PASS_CONNECTIONS ? { holder } : {}),
      ...(isTakeover === true ? { inheritedHandles: handles } : {}),
    });
    this.#pods.set(serial, pod);
    for (const name of held) holder.drop(name);
  }

  /** The keeper is gone. Pods stay. */
  lost(): void {
    this.#doors.close();
    this.#endUnlessNeeded();
  }

  /** Without a keeper, nobody will ever give pods to a process that has none. */
  #endUnlessNeeded(): void {
    if (!process.connected && this.#pods.size === 0 && this.#pending === 0) process.exit(0);
  }

  end(reason: string): void {
    if (this.#pods.size === 0) process.exit(0);
    for (const pod of this.#pods.values()) pod.end(reason);
  }

  #ended(serial: number): void {
    this.#pods.delete(serial);
    say({ kind: "ended", serial });
    this.#endUnlessNeeded();
  }

  #prepare(logger: Logger): void {
    if (this.#isPrepared) return;
    this.#isPrepared = true;
    this.#options.prepareProcess(logger);
  }
}

/** What lower layers announce, of whatever pod, goes to the keeper's log: the channels do not tell pods apart. */
function sharedLogger(): Logger {
  const logger = new Logger("warn", () => systemClock.now());
  const destination = stderrDestination();
  logger.attach((record) => destination.write(formatRecord(record, "logfmt")));
  return logger;
}

/** Takes on what a process started for the pod would have been born with: environment, title, panic log. */
async function becomeShimOf(order: PodOrder): Promise<void> {
  const { flags, environment } = order;
  const unwanted = new Set(UNWANTED_VARIABLES);
  for (const name of Object.keys(process.env)) if (environment[name] === undefined) delete process.env[name];
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !unwanted.has(name)) process.env[name] = value;
  }
  const { bundle } = flags;
  process.title = podTitle(flags);
  if (bundle !== undefined) await (await servingPlatform()).printTo(bundleFile(bundle, "panic"));
}

/** An order like any other, of a pod that nobody has. */
const REHEARSED: PodOrder = {
  flags: {
    namespace: "keeper",
    id: "rehearsal",
    address: "none",
    publishBinary: "none",
    bundle: undefined,
    debug: false,
  },
  socketPath: "",
  startInput: new Uint8Array(0),
  environment: {},
  isShared: false,
};

/**
 * Hosts a pod that nobody has, and asks it something: V8 compiles a function when it is called for the first time, which is
 * most of what a pod's first answer takes.
 */
async function rehearse(): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const environment = { ...process.env };
    let pod: HostedPod | undefined;
    const listen = async (server: Server): Promise<void> => {
      const [ours, theirs] = duplexPair();
      server.handleConnection(ours);
      const client = new Client(theirs);
      await client.call(Task, "Connect", { id: "rehearsal" });
      await client.close();
      setImmediate(() => pod?.end("rehearsed"));
    };
    hostPod(
      { ...REHEARSED, environment },
      { programs: ownPrograms(), listen, onEnd: resolve, isQuiet: true },
    ).then((hosted) => (pod = hosted), reject);
  });
}
