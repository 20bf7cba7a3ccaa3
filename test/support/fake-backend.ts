/**
 * A backend in memory, with a guest that answers everything and runs nothing: for testing what pods and VMs do with the
 * port. Records every call in order, host and guest alike; failures can be set for any of them.
 */
import { duplexPair, type Duplex } from "node:stream";
import type {
  BackendTraits,
  ComputeSystem,
  ComputeSystems,
  HcsBackend,
  HcsProcess,
  HostInfo,
  HvSocket,
  HvSocketListener,
  Network,
  Storage,
  SystemExit,
} from "../../hcs/api.ts";
import { HcsError } from "../../hcs/errors.ts";
import type { HostFiles } from "../../hcs/port/files.ts";
import type { ModifyServiceRequest } from "../../hcs/schema/service.ts";
import { encodeFrame, FrameDecoder } from "../../hcs/guest/frame.ts";
import {
  CONTAINER_NOTIFICATION,
  messageName,
  responseType,
  type MessageName,
} from "../../hcs/guest/protocol.ts";
import { HRESULT } from "../../hcs/hresult-table.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../hcs/schema/hv-socket.ts";
import type { ModifySettingRequest } from "../../hcs/schema/modify.ts";
import type { ServiceProperties, SystemProperties } from "../../hcs/schema/properties.ts";
import { createDeferred } from "../../hcs/deferred.ts";

const RUNTIME_ID = "11111111-2222-3333-4444-555555555555";

/** The guest of one VM: dials the host's listeners, answers its requests. */
class FakeGuest {
  readonly #backend: FakeBackend;
  readonly #bridge: Duplex;
  readonly #log: Duplex;
  readonly #decoder = new FrameDecoder();
  readonly #waits = new Map<
    number,
    { readonly id: bigint; readonly type: number; readonly container: string }
  >();
  #nextPid = 20;

  constructor(backend: FakeBackend) {
    this.#backend = backend;
    backend.dial(vsockServiceId(LINUX_GUEST_PORT.entropy)).resume();
    this.#log = backend.dial(vsockServiceId(LINUX_GUEST_PORT.log));
    this.#log.resume();
    this.#bridge = backend.dial(vsockServiceId(LINUX_GUEST_PORT.bridge));
    this.#bridge.on("data", (chunk: Buffer) =>
      this.#decoder.push(chunk, ({ type, id, body }) =>
        this.#onRequest(type, id, JSON.parse(body.toString()) as Body),
      ),
    );
    this.#bridge.on("error", () => undefined);
  }

  /** A process ends by itself. */
  exit(pid: number, ExitCode: number): void {
    const wait = this.#waits.get(pid);
    if (wait === undefined) throw new Error(`nobody waits for process ${pid}`);
    this.#waits.delete(pid);
    this.#send(responseType(wait.type), wait.id, { Result: 0, ExitCode });
    this.#send(CONTAINER_NOTIFICATION, 0n, {
      ContainerId: wait.container,
      Type: "UnexpectedExit",
      Operation: "None",
      Result: 0,
    });
  }

  /** The connection breaks. */
  hangUp(): void {
    this.#bridge.destroy();
  }

  /** Writes a line of its log. */
  log(level: string, msg: string): void {
    this.#log.write(JSON.stringify({ level, msg }));
  }

  #onRequest(type: number, id: bigint, body: Body): void {
    const message = messageName(type) as MessageName;
    this.#backend.guestRequests.push(body);
    // Waits come whenever they come: they would only blur the order of the others.
    const failure =
      message === "WaitForProcess" ? undefined : this.#backend.record(`guest ${message}${describe(body)}`);
    if (failure !== undefined) {
      this.#send(responseType(type), id, {
        Result: (failure as HcsError).hresult | 0,
        ErrorMessage: failure.message,
      });
      return;
    }
    const container = String(body["ContainerId"]);
    if (message === "WaitForProcess") {
      this.#waits.set(Number(body["ProcessId"]), { id, type, container });
      return;
    }
    this.#send(responseType(type), id, { Result: 0, ...this.#answer(message) });
    if (message === "SignalProcess" && (body["Options"] as { Signal?: number } | undefined)?.Signal === 9) {
      this.exit(Number(body["ProcessId"]), 137);
    }
  }

  #answer(message: MessageName): Body {
    switch (message) {
      case "NegotiateProtocol":
        return { Version: 4, Capabilities: CAPABILITIES };
      case "ExecuteProcess":
        return { ProcessId: this.#nextPid++ };
      case "GetProperties":
        return { Properties: "{}" };
      default:
        return {};
    }
  }

  #send(type: number, id: bigint, body: Body): void {
    if (!this.#bridge.destroyed) this.#bridge.write(encodeFrame(type, id, Buffer.from(JSON.stringify(body))));
  }
}

type Body = Record<string, unknown>;

const CAPABILITIES = {
  RuntimeOsType: "Linux",
  SupportedSchemaVersions: [{ Major: 2, Minor: 1 }],
  GuestDefinedCapabilities: {
    NamespaceAddRequestSupported: true,
    SignalProcessSupported: true,
    DumpStacksSupported: true,
    DeleteContainerStateSupported: true,
  },
};

/** ` Add MappedDirectory`, ` web`: what of a request tells it from others of its kind. */
function describe(body: Body): string {
  const request = body["Request"] as { RequestType?: string; ResourceType?: string } | undefined;
  if (request !== undefined) return ` ${request.RequestType} ${request.ResourceType}`;
  const container = body["ContainerId"];
  return typeof container === "string" && container !== "" ? ` ${container}` : "";
}

export class FakeSystem implements ComputeSystem {
  readonly id: string;
  readonly exited: Promise<SystemExit>;
  readonly #backend: FakeBackend;
  readonly #exited = createDeferred<SystemExit>();
  #over = false;

  constructor(backend: FakeBackend, id: string) {
    this.#backend = backend;
    this.id = id;
    this.exited = this.#exited.promise;
  }

  /** The VM ends, its guest's connection with it. */
  end(exit: SystemExit): void {
    this.#over = true;
    this.#backend.guest?.hangUp();
    this.#exited.resolve(exit);
  }

  async start(): Promise<void> {
    this.#backend.call("start system");
    if (this.#backend.boots) this.#backend.guest = new FakeGuest(this.#backend);
  }

  async terminate(): Promise<void> {
    this.#backend.call("terminate system");
    if (this.#over) throw new HcsError({ operation: "terminate", hresult: HRESULT.systemAlreadyStopped });
    this.end({ status: 0, exitType: "ForcedExit" });
  }

  async shutdown(): Promise<void> {
    this.#backend.call("shutdown system");
  }

  async pause(): Promise<void> {
    this.#backend.call("pause system");
  }

  async resume(): Promise<void> {
    this.#backend.call("resume system");
  }

  async pauseHosted(containerId: string): Promise<void> {
    this.#backend.call(`pause ${containerId}`);
  }

  async resumeHosted(containerId: string): Promise<void> {
    this.#backend.call(`resume ${containerId}`);
  }

  async modify({ RequestType, ResourcePath }: ModifySettingRequest): Promise<void> {
    const place = ResourcePath.replace(/^VirtualMachine\/(?:Devices\/)?/, "").replace(
      /[0-9a-f-]{36}$/,
      "<guid>",
    );
    this.#backend.call(`modify ${RequestType ?? "Set"} ${place}`);
  }

  async properties(): Promise<SystemProperties> {
    this.#backend.call("properties system");
    return { RuntimeId: RUNTIME_ID };
  }

  createProcess(): Promise<HcsProcess> {
    return Promise.reject(new HcsError({ operation: "create process", hresult: HRESULT.notSupported }));
  }

  openProcess(): Promise<HcsProcess> {
    return Promise.reject(new HcsError({ operation: "open process", hresult: HRESULT.notSupported }));
  }

  async close(): Promise<void> {
    this.#backend.call("close system");
  }
}

export class FakeBackend implements HcsBackend {
  readonly name = "fake";
  readonly traits: BackendTraits = {
    paths: "posix",
    statistics: "cgroups",
    stdio: "fifo",
    terminalStderr: "ignored",
    pause: true,
    pipePrefix: "/run/pipes/",
    terminatedExitCode: 137,
  };
  /** Bodies of all requests to the guest. */
  readonly guestRequests: Body[] = [];
  /** Host and guest calls in order. */
  readonly calls: string[] = [];
  /** Thrown by the call of that name, once. */
  readonly failures: Map<string, Error> = new Map();
  /** Whether a started VM has a guest that comes up. */
  boots = true;
  guest: FakeGuest | undefined;
  system: FakeSystem | undefined;
  readonly #listeners = new Map<string, ((stream: Duplex) => void)[]>();
  readonly #dialled = new Map<string, Duplex[]>();

  /** Notes a call. @returns what it is to fail with */
  record(call: string): Error | undefined {
    this.calls.push(call);
    const failure = this.failures.get(call);
    this.failures.delete(call);
    return failure;
  }

  call(name: string): void {
    const failure = this.record(name);
    if (failure !== undefined) throw failure;
  }

  /** Connects to a listener of the host, as the guest does. */
  dial(serviceId: string): Duplex {
    const [near, far] = duplexPair();
    near.on("error", () => undefined);
    // A pair in memory does not tell its other half by itself.
    near.once("close", () => far.destroy());
    const accept = this.#listeners.get(serviceId)?.shift();
    if (accept !== undefined) accept(far);
    else this.#dialled.set(serviceId, [...(this.#dialled.get(serviceId) ?? []), far]);
    return near;
  }

  async host(): Promise<HostInfo> {
    return {
      build: 20348,
      logicalProcessors: 2,
      linuxBootFiles: { directory: "/boot", files: ["kernel", "initrd.img"] },
    };
  }

  readonly computeSystems: ComputeSystems = {
    create: async (id) => {
      this.call("create system");
      this.system = new FakeSystem(this, id);
      return this.system;
    },
    open: (id) =>
      Promise.reject(new HcsError({ operation: "open", target: id, hresult: HRESULT.systemNotFound })),
    enumerate: async () => [],
  };

  readonly storage: Storage = {
    mountTypes: ["overlay", "bind"],
    mount: async () => this.call("mount rootfs"),
    unmount: async () => this.call("unmount rootfs"),
    grantVmAccess: async (_vm, path) => this.call(`grant ${path}`),
    grantVmGroupAccess: async (path) => this.call(`grant group ${path}`),
  };

  readonly network: Network = {
    openNamespace: async (reference) => {
      this.call(`open namespace ${reference}`);
      return {
        id: "99999999-0000-0000-0000-000000000001",
        endpoints: [
          {
            id: "99999999-0000-0000-0000-000000000002",
            name: "eth0",
            macAddress: "00-15-5D-00-00-01",
            ipConfigurations: [{ ipAddress: "10.0.0.2", prefixLength: 24 }],
            routes: [{ nextHop: "10.0.0.1", destinationPrefix: "0.0.0.0/0" }],
            dns: { search: ["Example"], servers: ["10.0.0.53"] },
          },
        ],
      };
    },
  };

  readonly hvSocket: HvSocket = {
    listen: async ({ serviceId }, options) => {
      this.call(`listen ${serviceId.slice(0, 8)}`);
      return this.#listener(serviceId, options?.signal);
    },
    connect: () => Promise.reject(new HcsError({ operation: "connect", hresult: HRESULT.notSupported })),
    registerContainer: async () => ({ close: async () => undefined }),
  };

  #listener(serviceId: string, _signal?: AbortSignal): HvSocketListener {
    const closed = createDeferred<never>();
    closed.promise.catch(() => undefined);
    return {
      accept: (options) => {
        const waiting = this.#dialled.get(serviceId)?.shift();
        const dialled =
          waiting === undefined
            ? new Promise<Duplex>((resolve) =>
                this.#listeners.set(serviceId, [...(this.#listeners.get(serviceId) ?? []), resolve]),
              )
            : Promise.resolve(waiting);
        options?.signal?.addEventListener("abort", () => closed.reject(options.signal?.reason as Error));
        return Promise.race([dialled, closed.promise]);
      },
      close: async () => {
        this.calls.push(`unlisten ${serviceId.slice(0, 8)}`);
        closed.reject(new Error("listener is closed"));
      },
    };
  }

  readonly files: HostFiles = {
    stat: async () => undefined,
    finalPath: async (path) => path,
    answersFileIds: async () => true,
    readFile: (path) => Promise.reject(new Error(`no file ${path}`)),
    makeDirectory: async () => undefined,
    copyFile: async () => undefined,
    remove: async () => undefined,
    makeTemporaryDirectory: async (prefix) => `/tmp/${prefix}`,
    makeLink: async () => undefined,
  };

  async modifyService(request: ModifyServiceRequest): Promise<void> {
    this.call(`modify service ${request.PropertyType}`);
  }

  async serviceProperties(): Promise<ServiceProperties> {
    return { Properties: [{ LogicalProcessorCount: 2 }] };
  }

  async close(): Promise<void> {
    this.calls.push("close backend");
  }
}
