/** A booted guest with a root file system, and short words for what tests do with containers. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readlinkSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { OciProcess, OciSpec } from "../../hcs/emulator/guest/oci.ts";
import { NULL_CONTAINER_ID, WAIT_FOREVER } from "../../hcs/guest/protocol.ts";
import { stringifyJson } from "../../hcs/json.ts";
import type { GuestBridge, Response } from "./guest-bridge.ts";
import { GuestHarness, type HarnessOptions, type PortListener } from "./guest-harness.ts";
import { containerSpec, makeRootfs } from "./guest-rootfs.ts";
import { until } from "./until.ts";

export type Stream = "stdin" | "stdout" | "stderr";

const PORT_KEYS = { stdin: "StdIn", stdout: "StdOut", stderr: "StdErr" } as const;
const FLAG_KEYS = {
  stdin: "CreateStdInPipe",
  stdout: "CreateStdOutPipe",
  stderr: "CreateStdErrPipe",
} as const;

/** A read-only layer in the guest: the shared root file system. */
const BASE_LAYER = "/run/layers/base";

export interface ContainerOptions {
  readonly args: readonly string[];
  readonly terminal?: boolean;
  readonly annotations?: Record<string, string>;
  readonly extra?: Partial<OciSpec>;
}

/** The host's end of one stream: everything the guest has sent, and when that ended. */
export class HostStream {
  readonly socket: Socket;
  text = "";
  bytes = 0;
  ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.text += chunk.toString("latin1");
    });
    socket.on("end", () => {
      this.ended = true;
    });
  }

  async until(text: string): Promise<string> {
    await until(`output of ${JSON.stringify(text)}`, () => this.text.includes(text), {
      state: () => `it is ${JSON.stringify(this.text.slice(-500))}`,
    });
    return this.text;
  }

  /** Everything, once the guest has ended it. Leaves our side open: the guest waits for that. */
  async all(): Promise<string> {
    await until("the end of the output", () => this.ended);
    return this.text;
  }

  /** Everything, and closes our side as a host must. */
  async finish(): Promise<string> {
    const text = await this.all();
    this.socket.end();
    return text;
  }
}

export interface StartedProcess {
  readonly pid: number;
  readonly stdin?: Socket;
  readonly stdout?: HostStream;
  readonly stderr?: HostStream;
}

export class GuestFixture {
  readonly harness: GuestHarness;
  bridge: GuestBridge;

  private constructor(harness: GuestHarness, bridge: GuestBridge) {
    this.harness = harness;
    this.bridge = bridge;
  }

  static async boot(options: HarnessOptions = {}): Promise<GuestFixture> {
    const { harness, bridge } = await GuestHarness.boot(options);
    const fixture = new GuestFixture(harness, bridge);
    try {
      const rootfs = join(harness.directory, "rootfs");
      mkdirSync(rootfs);
      makeRootfs(rootfs);
      harness.share("base", rootfs);
      await fixture.modify("Add", "MappedDirectory", {
        MountPath: BASE_LAYER,
        ShareName: "base",
        ReadOnly: true,
      });
      return fixture;
    } catch (error) {
      await harness.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    return this.harness.stop();
  }

  /** ModifySettings of the VM. */
  async modify(RequestType: string, ResourceType: string, Settings: object): Promise<void> {
    await this.bridge.must("ModifySettings", {
      ContainerId: NULL_CONTAINER_ID,
      Request: { RequestType, ResourceType, Settings },
    });
  }

  rootPath(id: string): string {
    return `/run/gcs/c/${id}/rootfs`;
  }

  /** The document of container `id`. */
  config(id: string, options: ContainerOptions): string {
    const { args, terminal = false, annotations, extra = {} } = options;
    const spec = containerSpec({
      rootfs: this.rootPath(id),
      args,
      terminal,
      extra: { ...(annotations === undefined ? {} : { annotations }), ...extra },
    });
    return stringifyJson({
      SchemaVersion: { Major: 2, Minor: 1 },
      OciBundlePath: `/run/gcs/c/${id}`,
      OciSpecification: spec,
      ScratchDirPath: `/run/gcs/c/${id}/scratch/${id}`,
    });
  }

  /** The root file system of container `id`: the shared layer with a scratch. */
  async combineLayers(id: string): Promise<void> {
    await this.modify("Add", "CombinedLayers", {
      ContainerID: id,
      ContainerRootPath: this.rootPath(id),
      Layers: [{ Path: BASE_LAYER }],
      ScratchPath: `/run/gcs/c/${id}/scratch/${id}`,
    });
  }

  async tryCreate(id: string, options: ContainerOptions): Promise<Response> {
    await this.combineLayers(id);
    return this.bridge.call("Create", { ContainerId: id, ContainerConfig: this.config(id, options) });
  }

  async create(id: string, options: ContainerOptions): Promise<void> {
    const { result, body } = await this.tryCreate(id, options);
    if (result !== 0) throw new Error(`cannot create ${id}: ${JSON.stringify(body)}`);
  }

  /** Removes the container's layers and its state. */
  async delete(id: string): Promise<void> {
    await this.modify("Remove", "CombinedLayers", { ContainerRootPath: this.rootPath(id) });
    await this.bridge.must("DeleteContainerState", { ContainerId: id });
  }

  /** ExecuteProcess with listeners for `streams`; the response may be a failure. */
  async tryExecute(
    id: string,
    parameters: object,
    streams: readonly Stream[] = [],
  ): Promise<{ response: Response; process: StartedProcess }> {
    const listeners = new Map<Stream, PortListener>();
    const outputs = new Map<Stream, Promise<HostStream>>();
    for (const stream of streams) {
      const listener = await this.harness.listen();
      listeners.set(stream, listener);
      // From the moment it is there: a stream that ends at once tells so only once.
      if (stream !== "stdin")
        outputs.set(
          stream,
          listener.connection.then((socket) => new HostStream(socket)),
        );
    }
    const flags = Object.fromEntries(streams.map((stream) => [FLAG_KEYS[stream], true]));
    const ports = Object.fromEntries(
      streams.map((stream) => [PORT_KEYS[stream], listeners.get(stream)?.port]),
    );
    const response = await this.bridge.call("ExecuteProcess", {
      ContainerId: id,
      Settings: {
        ProcessParameters: JSON.stringify({ ...flags, ...parameters }),
        VsockStdioRelaySettings: ports,
      },
    });
    const process: { pid: number; stdin?: Socket; stdout?: HostStream; stderr?: HostStream } = {
      pid: Number(response.body["ProcessId"] ?? 0),
    };
    if (response.result !== 0) {
      for (const listener of listeners.values()) await listener.close();
      return { response, process };
    }
    for (const [stream, { connection }] of listeners) {
      if (stream === "stdin") process.stdin = await connection;
      else process[stream] = (await outputs.get(stream)) as HostStream;
    }
    return { response, process };
  }

  async execute(id: string, parameters: object, streams: readonly Stream[] = []): Promise<StartedProcess> {
    const { response, process } = await this.tryExecute(id, parameters, streams);
    if (response.result !== 0)
      throw new Error(`cannot start process in ${id}: ${JSON.stringify(response.body)}`);
    return process;
  }

  /** Starts the init process of container `id`. */
  start(id: string, streams: readonly Stream[] = []): Promise<StartedProcess> {
    return this.execute(id, {}, streams);
  }

  /** Creates and starts in one. */
  async run(id: string, options: ContainerOptions, streams: readonly Stream[] = []): Promise<StartedProcess> {
    await this.create(id, options);
    return this.start(id, streams);
  }

  exec(id: string, process: OciProcess, streams: readonly Stream[] = []): Promise<StartedProcess> {
    return this.execute(id, { OciProcess: process }, streams);
  }

  /** Asks for the exit of a process without waiting for the answer. Answers the request's id. */
  sendWait(id: string, pid: number, timeoutMs: number = WAIT_FOREVER): bigint {
    return this.bridge.send("WaitForProcess", { ContainerId: id, ProcessId: pid, TimeoutInMs: timeoutMs });
  }

  /** Waits for the exit of a process. */
  async exitCode(id: string, pid: number): Promise<number> {
    const { result, body } = await this.bridge.response(this.sendWait(id, pid));
    if (result !== 0) throw new Error(`cannot wait for ${pid} in ${id}: ${JSON.stringify(body)}`);
    return Number(body["ExitCode"]);
  }

  /** An exec's output and exit status. */
  async output(id: string, process: OciProcess): Promise<{ status: number; stdout: string; stderr: string }> {
    const started = await this.exec(id, process, ["stdout", "stderr"]);
    const [stdout = "", stderr = ""] = await Promise.all([
      started.stdout?.finish(),
      started.stderr?.finish(),
    ]);
    return { status: await this.exitCode(id, started.pid), stdout, stderr };
  }

  /** Output and exit status of a program that the VM itself runs. */
  async inVm(script: string): Promise<{ status: number; stdout: string; stderr: string }> {
    const parameters = { CommandArgs: ["/bin/sh", "-c", script] };
    const started = await this.execute(NULL_CONTAINER_ID, parameters, ["stdout", "stderr"]);
    const [stdout = "", stderr = ""] = await Promise.all([
      started.stdout?.finish(),
      started.stderr?.finish(),
    ]);
    return { status: await this.exitCode(NULL_CONTAINER_ID, started.pid), stdout, stderr };
  }

  async properties(id: string, ...types: readonly string[]): Promise<Record<string, unknown>> {
    const { Properties } = await this.bridge.must("GetProperties", {
      ContainerId: id,
      Query: JSON.stringify({ PropertyTypes: types }),
    });
    return JSON.parse(Properties as string) as Record<string, unknown>;
  }

  async processIds(id: string): Promise<number[]> {
    const { ProcessList } = await this.properties(id, "ProcessList");
    return (ProcessList as { ProcessId: number }[]).map(({ ProcessId }) => ProcessId);
  }
}

/**
 * A network namespace with its loopback up, bound into the system's directory as a NIC. Its inode is how a process is
 * recognised as being in it.
 */
export async function addNetworkNamespace(harness: GuestHarness, nicId: string): Promise<string> {
  const holder = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
  try {
    const path = `/proc/${holder.pid}/ns/net`;
    const own = readlinkSync("/proc/self/ns/net");
    const inode = await until("a new network namespace", () => {
      const found = readlinkSync(path);
      return found === own ? undefined : found;
    });
    execFileSync("nsenter", [`--net=${path}`, "ip", "link", "set", "lo", "up"]);
    harness.addNic(nicId, path);
    return inode;
  } finally {
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
}
