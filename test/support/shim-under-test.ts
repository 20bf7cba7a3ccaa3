/**
 * The whole shim in this process, on a real emulator: the Task service behind a ttrpc connection, without containerd
 * and without a process of its own.
 */
import { duplexPair, type Duplex } from "node:stream";
import type { HcsBackend } from "../../hcs/api.ts";
import { LINUX_GUEST_PORT, vsockServiceId } from "../../hcs/schema/hv-socket.ts";
import { taskEvents } from "../../shim/events/task-events.ts";
import { EventLog } from "../../shim/events/event-log.ts";
import { Logger } from "../../shim/log/logger.ts";
import { Options } from "../../shim/options/own.ts";
import type { AroundPhase } from "../../shim/phases/phases.ts";
import { Timeline } from "../../shim/phases/timeline.ts";
import { Calls } from "../../shim/service/calls.ts";
import { registerDiagService } from "../../shim/service/diag-service.ts";
import { registerShimDiagService } from "../../shim/service/shimdiag-service.ts";
import { Shim } from "../../shim/service/shim.ts";
import { registerTaskService } from "../../shim/service/task-service.ts";
import { Client, Server } from "../../shim/ttrpc/index.ts";
import { HastyClock } from "./hasty-clock.ts";

export const NAMESPACE = "tests";

export interface ShimUnderTestOptions {
  readonly backend: HcsBackend;
  readonly stateDirectory: string;
  readonly around?: AroundPhase;
  /** Options of the node. */
  readonly own?: Readonly<Record<string, string | boolean>>;
}

/** An event as containerd would get it: its topic's last part, the container, the process, the exit status. */
export interface SeenEvent {
  readonly name: string;
  readonly container: string;
  readonly process: string;
  readonly status: number | undefined;
}

export class ShimUnderTest {
  readonly client: Client;
  readonly clock: HastyClock = new HastyClock();
  readonly events: SeenEvent[] = [];
  readonly #server = new Server();
  readonly #bridges = new Set<Duplex>();

  private constructor(
    { backend, stateDirectory, around, own = {} }: ShimUnderTestOptions,
    host: Awaited<ReturnType<HcsBackend["host"]>>,
  ) {
    const logger = new Logger("error", () => this.clock.now());
    const events = taskEvents((type, message) => {
      const { containerId, id, exitStatus } = message as Record<string, unknown>;
      this.events.push({
        name: type.typeName.split(".").at(-1) ?? "",
        container: String(containerId),
        process: typeof id === "string" ? id : "",
        status: exitStatus as number | undefined,
      });
    });
    const shim = new Shim({
      id: "pod",
      environment: {
        backend: this.#watchBridges(backend),
        host,
        clock: this.clock,
        logger,
        timeline: new Timeline(),
        events,
        namespace: NAMESPACE,
        stateDirectory,
        programDirectory: "/opt/runhcs/bin",
        owner: "tests",
        streams: { reader: () => noStreams(), writer: () => noStreams() },
        ...(around === undefined ? {} : { aroundPhase: around }),
      },
      options: new Options({ values: new Map(Object.entries(own)), warnings: [] }),
      onIdle: () => undefined,
    });
    registerTaskService(this.#server, shim, new Calls(logger, this.clock), events);
    registerShimDiagService(this.#server, shim, new Calls(logger, this.clock));
    registerDiagService(
      this.#server,
      shim,
      new Calls(logger, this.clock),
      new EventLog(() => this.clock.now()),
    );
    const [near, far] = duplexPair();
    this.#server.handleConnection(far);
    this.client = new Client(near);
  }

  static async create(options: ShimUnderTestOptions): Promise<ShimUnderTest> {
    return new ShimUnderTest(options, await options.backend.host());
  }

  /** Serves at a socket of the file system, too. */
  listen(path: string): Promise<unknown> {
    return this.#server.listen({ path });
  }

  /** Breaks the connections to guests. */
  dropBridges(): void {
    for (const bridge of this.#bridges) bridge.destroy();
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.#server.shutdown(5000);
  }

  /** The same backend; connections that guests make for requests are remembered. */
  #watchBridges(backend: HcsBackend): HcsBackend {
    const bridge = vsockServiceId(LINUX_GUEST_PORT.bridge);
    const { hvSocket } = backend;
    const watched: HcsBackend["hvSocket"] = {
      connect: (address, options) => hvSocket.connect(address, options),
      registerContainer: (container, options) => hvSocket.registerContainer(container, options),
      listen: async (address, options) => {
        const listener = await hvSocket.listen(address, options);
        if (address.serviceId !== bridge) return listener;
        return {
          accept: async (accepting) => {
            const stream = await listener.accept(accepting);
            this.#bridges.add(stream);
            stream.once("close", () => this.#bridges.delete(stream));
            return stream;
          },
          close: () => listener.close(),
        };
      },
    };
    return new Proxy(backend, {
      get: (target, name) => {
        if (name === "hvSocket") return watched;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? (member.bind(target) as unknown) : member;
      },
    });
  }
}

function noStreams(): Promise<never> {
  return Promise.reject(new Error("there are no streams here"));
}
