/**
 * An emulated Linux guest without the emulator's host side: the harness prepares what the host would (system
 * directory, shares, cgroups, Hyper-V sockets), starts the worker from its source, and hands out the connections.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import {
  cgroupHierarchies,
  cgroupProcesses,
  createCgroup,
  removeCgroup,
} from "../../hcs/emulator/cgroup/tree.ts";
import { mountsAtOrBelow } from "../../hcs/emulator/storage/mount-table.ts";
import { systemPaths, type SystemFile, type SystemPaths } from "../../hcs/emulator/systems/system-file.ts";
import { unmountTree } from "../../hcs/emulator/storage/unmount-tree.ts";
import {
  LineSplitter,
  encodeLine,
  parseHandleEvent,
  type HandleEvent,
} from "../../hcs/emulator/worker/messages.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../hcs/schema/hv-socket.ts";
import { mount, MS, unmount } from "../../hcs/posix/libc.ts";
import { GuestBridge } from "./guest-bridge.ts";
import { snapshot, type Snapshot } from "./leftovers.ts";
import { makeShortDirectory } from "./temp-directory.ts";
import { until } from "./until.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const WORKER = join(REPOSITORY, "hcs/emulator/worker/main.ts");

/** How the host side starts a worker. */
const UNSHARE = [
  "--pid",
  "--fork",
  "--mount",
  "--uts",
  "--ipc",
  "--net",
  "--kill-child=SIGKILL",
  "--mount-proc",
  "--propagation",
  "unchanged",
];

const CGROUP_PARENT = "/runhcs-test";

/** Why the suites that need a guest cannot run here; undefined where they can. */
function guestObstacle(): string | undefined {
  if (process.platform !== "linux") return "an emulated guest needs Linux";
  if (process.getuid?.() !== 0) return "an emulated guest needs root";
  return undefined;
}

/** For `before`: leaves a suite out where no guest can run, and says why. */
export function skipWithoutGuest(context: Mocha.Context): void {
  const obstacle = guestObstacle();
  if (obstacle === undefined) return;
  console.log(`      skipped: ${obstacle}`);
  context.skip();
}

/** A listener on one port of the host. */
export interface PortListener {
  readonly port: number;
  /** The connection, once the guest has made it. The listener is closed with it. */
  readonly connection: Promise<Socket>;
  close(): Promise<void>;
}

export interface HarnessOptions {
  readonly terminateOnLastHandleClosed?: boolean;
  /** Leaves the worker a system file that it cannot read. */
  readonly breakSystemFile?: boolean;
}

/** A worker with its creator's handle. */
export class GuestHarness {
  readonly directory: string;
  readonly paths: SystemPaths;
  readonly system: SystemFile;
  readonly worker: ChildProcess;
  readonly handle: Socket;
  /** What came over the creator's handle. */
  readonly events: HandleEvent[] = [];
  /** Lines of the guest's log channel. */
  readonly log: string[] = [];
  #nextPort: number = LINUX_GUEST_PORT.firstStdio;
  readonly #listeners = new Set<PortListener>();
  /** Loop devices by the names of the disks. */
  readonly #disks = new Map<string, string>();
  readonly #before: Snapshot;

  private constructor(directory: string, system: SystemFile, worker: ChildProcess, before: Snapshot) {
    this.directory = directory;
    this.#before = before;
    this.system = system;
    this.paths = systemPaths(join(directory, "sys"));
    this.worker = worker;
    this.handle = worker.stdio[3] as Socket;
    const lines = new LineSplitter();
    this.handle.setEncoding("utf8").on("data", (chunk: string) => {
      for (const line of lines.push(chunk)) {
        const event = parseHandleEvent(line);
        assert.ok(event, `stray line on the handle: ${line}`);
        this.events.push(event);
      }
    });
    this.handle.on("error", () => undefined);
  }

  /** Prepares a system and starts its worker; resolves when that has built its view. */
  static async create(options: HarnessOptions = {}): Promise<GuestHarness> {
    const directory = await makeShortDirectory("rhg-");
    const paths = systemPaths(join(directory, "sys"));
    const runtimeId = randomUUID();
    const system: SystemFile = {
      id: "test@vm",
      runtimeId,
      cgroup: `${CGROUP_PARENT}/${runtimeId}`,
      sockets: join(directory, "hv"),
      document: { Owner: "test", SchemaVersion: { Major: 2, Minor: 1 } },
      terminateOnLastHandleClosed: options.terminateOnLastHandleClosed ?? true,
    };
    const before = snapshot({ marks: [directory, runtimeId], cgroups: [CGROUP_PARENT] });
    for (const path of [paths.plan9Shares, paths.disks, paths.nics, system.sockets])
      mkdirSync(path, { recursive: true });
    writeFileSync(paths.systemFile, options.breakSystemFile === true ? "{}" : JSON.stringify(system));
    mount({ source: paths.shares, target: paths.shares, flags: MS.bind });
    mount({ target: paths.shares, flags: MS.shared });
    for (const child of ["gcs", "pods"]) createCgroup(`${system.cgroup}/${child}`, cgroupHierarchies());
    const worker = spawn(
      "unshare",
      [
        ...UNSHARE,
        process.execPath,
        "--import",
        "tsx",
        "--enable-source-maps",
        WORKER,
        join(directory, "sys"),
      ],
      { cwd: REPOSITORY, stdio: ["ignore", "pipe", "pipe", "pipe"] },
    );
    for (const stream of [worker.stdout, worker.stderr]) {
      stream?.on("data", (chunk: Buffer) => writeFileSync(paths.workerLog, chunk, { flag: "a" }));
    }
    const harness = new GuestHarness(directory, system, worker, before);
    try {
      await until(
        "the worker to be created or to give up",
        () => harness.events.length > 0 || harness.exitCode() !== undefined,
      );
      if (harness.events.length === 0) throw new Error(`cannot create worker: ${harness.workerLog()}`);
      return harness;
    } catch (error) {
      await harness.stop();
      throw error;
    }
  }

  /** {@link create}, start, and answer the channels of the boot. Resolves with the negotiated guest connection. */
  static async boot(options: HarnessOptions = {}): Promise<{ harness: GuestHarness; bridge: GuestBridge }> {
    const harness = await GuestHarness.create(options);
    try {
      const bridge = await harness.start();
      await bridge.negotiate();
      return { harness, bridge };
    } catch (error) {
      await harness.stop();
      throw error;
    }
  }

  /** Starts the guest; resolves with its connection, not yet negotiated. */
  async start(): Promise<GuestBridge> {
    const entropy = await this.listen(LINUX_GUEST_PORT.entropy);
    const log = await this.listen(LINUX_GUEST_PORT.log);
    const bridge = await this.listen(LINUX_GUEST_PORT.bridge);
    this.handle.write(encodeLine({ op: "start" }));
    await this.event("started");
    (await entropy.connection).end(Buffer.alloc(512, 7));
    const lines = new LineSplitter();
    (await log.connection)
      .setEncoding("utf8")
      .on("data", (chunk: string) => this.log.push(...lines.push(chunk)));
    return new GuestBridge(await bridge.connection);
  }

  /** The first event of this name. */
  async event(name: HandleEvent["event"]): Promise<HandleEvent> {
    return until(`the event ${name}`, () => this.events.find(({ event }) => event === name), {
      state: () => `worker ${this.exitCode() ?? "runs"}; ${this.workerLog()}`,
    });
  }

  /** The port that the last {@link listen} without a port has got. */
  get lastPort(): number {
    return this.#nextPort - 1;
  }

  workerLog(): string {
    return existsSync(this.paths.workerLog) ? readFileSync(this.paths.workerLog, "utf8") : "";
  }

  exitCode(): number | string | undefined {
    return this.worker.exitCode ?? this.worker.signalCode ?? undefined;
  }

  /** Pid of the worker in this pid namespace. */
  workerPid(): number {
    const { pid } = this.worker;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return Number(children);
  }

  async exited(): Promise<number | string> {
    return until("the worker to exit", () => this.exitCode());
  }

  /** Listens where the guest dials. Without a port, the next one for stdio. */
  async listen(port: number = this.#nextPort++): Promise<PortListener> {
    const server = createServer({ allowHalfOpen: true });
    const connection = once(server, "connection").then(([socket]) => {
      server.close();
      (socket as Socket).on("error", () => undefined);
      return socket as Socket;
    });
    server.listen(join(this.system.sockets, vsockServiceId(port)));
    await once(server, "listening");
    const listener: PortListener = {
      port,
      connection,
      close: async () => {
        this.#listeners.delete(listener);
        if (!server.listening) return;
        server.close();
        await once(server, "close");
      },
    };
    this.#listeners.add(listener);
    return listener;
  }

  /** Adds a Plan9 share, as the host would on `VirtualMachine/Devices/Plan9/Shares`. */
  share(name: string, path: string): void {
    const target = join(this.paths.plan9Shares, name);
    mkdirSync(target, { recursive: true });
    mount({ source: path, target, flags: MS.bind | MS.rec });
  }

  /** Adds a disk `name` of the image at `path`, as the host would on its resource path. @returns its loop device */
  attachDisk(name: string, path: string, options: { readonly readOnly?: boolean } = {}): string {
    const flags = ["--find", "--show", "--partscan", ...(options.readOnly === true ? ["--read-only"] : [])];
    const device = execFileSync("losetup", [...flags, path], { encoding: "utf8" }).trim();
    this.#disks.set(name, device);
    const target = join(this.paths.disks, name);
    writeFileSync(target, "");
    mount({ source: device, target, flags: MS.bind });
    return device;
  }

  detachDisk(name: string): void {
    const target = join(this.paths.disks, name);
    unmount(target);
    rmSync(target);
    execFileSync("losetup", ["--detach", this.#disks.get(name) ?? ""]);
    this.#disks.delete(name);
  }

  /** Adds a NIC: a bind of the network namespace at `path`. */
  addNic(id: string, path: string): void {
    const target = join(this.paths.nics, id);
    writeFileSync(target, "");
    mount({ source: path, target, flags: MS.bind });
  }

  /** Ends the worker and removes everything; asserts that the worker has left nothing. */
  async stop(): Promise<void> {
    for (const listener of this.#listeners) await listener.close();
    this.handle.destroy();
    if (!this.system.terminateOnLastHandleClosed) this.worker.kill("SIGKILL");
    await this.exited();
    const hierarchies = cgroupHierarchies();
    await until(
      "the VM's processes to be gone",
      () => cgroupProcesses(this.system.cgroup, hierarchies).length === 0,
    );
    await removeCgroup(this.system.cgroup, hierarchies);
    for (const name of this.#disks.keys()) this.detachDisk(name);
    await unmountTree(this.paths.shares, (path, detach) => unmount(path, { detach }));
    // A mount that is left must not be walked into.
    assert.deepEqual(mountsAtOrBelow(this.directory), []);
    rmSync(this.directory, { recursive: true });
    await this.#before.assertNothingNew();
  }
}
