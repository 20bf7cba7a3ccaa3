/** The container library: containers of one engine, by id. */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { mkdir, rm } from "node:fs/promises";
import type { HostNetworks } from "../../hcs/port/networks.ts";
import { messageOf } from "../errors.ts";
import { Container } from "./container.ts";
import type { Engine, EngineEvent } from "./engine.ts";
import { ClientError } from "./errors.ts";
import { containerEvents, type ContainerEvent } from "./events.ts";
import type { FileTransport } from "./files/transport.ts";
import type { LayerSource } from "./layers/compose.ts";
import { hostNetworks } from "./network/host-networks.ts";
import { joinNetwork, leaveNetwork, readNetworkRecord } from "./network/join.ts";
import type { ContainerOptions, GuestOs } from "./options/options.ts";
import { planContainer, type PlanContext } from "./plan.ts";

export interface ClientInit {
  readonly engine: Engine;
  /** Where what engines do not keep is kept: logs, writable layers on directories, network records. */
  readonly stateDirectory: string;
  /** Processors of the machine the containers run on; those of this one unless said otherwise. */
  readonly processors?: number;
  readonly environment?: NodeJS.ProcessEnv;
  /** Ways to copy files that are asked before the library's own. */
  readonly transports?: readonly FileTransport[];
  /** Makes directories of packages, see the layers of a container. */
  readonly layerSource?: LayerSource;
  /** The host's networks; this machine's own unless said otherwise. */
  readonly networks?: HostNetworks;
  /** Told of what is done otherwise than asked for. */
  readonly onWarning?: (warning: string) => void;
}

/** containerd's identifiers (pkg/identifiers). */
const IDENTIFIER = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;
const LONGEST_IDENTIFIER = 76;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const GENERATED_LENGTH = 16;

/**
 * @example
 * await using client = await connectClient({ engine: "auto" });
 * await using container = await client.create({ image: "busybox.tar", args: ["sleep", "100"] });
 * await container.start();
 * const { exitCode } = await (await container.spawn({ args: ["echo", "hi"] })).wait();
 */
export class ContainerClient implements AsyncDisposable {
  readonly engine: Engine;
  readonly #init: ClientInit;

  constructor(init: ClientInit) {
    this.engine = init.engine;
    this.#init = init;
  }

  /** Makes a container; nothing runs yet. @throws {ClientError} */
  async create(options: ContainerOptions): Promise<Container> {
    const id = options.id ?? generateId();
    if (!IDENTIFIER.test(id) || id.length > LONGEST_IDENTIFIER)
      throw new ClientError(
        "InvalidArgument",
        `invalid id "${id}": must be letters and digits joined by . _ - and at most ${LONGEST_IDENTIFIER} long`,
        { field: "id", id },
      );
    if ((await this.engine.containers.find(id)) !== undefined)
      throw new ClientError("AlreadyExists", `cannot create container "${id}": it exists already`, { id });
    const directory = this.#directoryOf(id);
    await mkdir(directory, { recursive: true, mode: 0o711 });
    try {
      const plan = await planContainer(id, options, this.#context(directory));
      const namespace = await this.#join(id, plan.os, options.network);
      await this.engine.containers.create(plan.finish(namespace));
    } catch (error) {
      await this.#leave(id);
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
    return this.#container(id);
  }

  /** @throws {ClientError} NotFound */
  async get(id: string): Promise<Container> {
    if ((await this.engine.containers.find(id)) === undefined)
      throw new ClientError(
        "NotFound",
        `there is no container "${id}" in namespace "${this.engine.namespace}"`,
        { id },
      );
    return this.#container(id);
  }

  async list(): Promise<Container[]> {
    return (await this.engine.containers.list()).map(({ id }) => this.#container(id));
  }

  /** Removes images that this library has imported and no container is made of. @returns their names */
  async pruneImages(): Promise<string[]> {
    const containers = await this.engine.containers.list();
    const used = containers.flatMap(({ rootfs }) => (rootfs.kind === "image" ? [rootfs.image] : []));
    return this.engine.images.prune(new Set(used));
  }

  /** What happens to containers from now on, until `signal` fires. */
  events(signal: AbortSignal = new AbortController().signal): AsyncIterable<ContainerEvent> {
    const raw: AsyncIterable<EngineEvent> = this.engine.events(signal);
    return containerEvents(raw);
  }

  /** The host's networks, as a container's switch name chooses among them. */
  async networks(): Promise<HostNetworks> {
    return this.#init.networks ?? hostNetworks();
  }

  /** @returns what the spec names the network namespace by */
  async #join(id: string, os: GuestOs, network: ContainerOptions["network"]): Promise<string | undefined> {
    if (network === undefined || typeof network === "string") return undefined;
    const warn = this.#init.onWarning ?? (() => undefined);
    try {
      const joined = await joinNetwork(network, {
        networks: await this.networks(),
        name: `${this.engine.namespace}-${id}`,
        os,
        directory: this.#directoryOf(id),
        leases: join(this.#init.stateDirectory, "addresses"),
        warn,
      });
      return joined.namespace;
    } catch (error) {
      if (network.policy !== "best-effort") throw error;
      warn(`container "${id}" has no network: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #leave(id: string): Promise<void> {
    const directory = this.#directoryOf(id);
    // Most have none, and a host without networks of its own is no reason to fail then.
    if (readNetworkRecord(directory) !== undefined) await leaveNetwork(await this.networks(), directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
  }

  #container(id: string): Container {
    const { transports = [], onWarning = () => undefined } = this.#init;
    return new Container({
      id,
      engine: this.engine,
      directory: this.#directoryOf(id),
      transports,
      leaveNetwork: () => this.#leave(id),
      warn: onWarning,
    });
  }

  #directoryOf(id: string): string {
    return join(this.#init.stateDirectory, this.engine.namespace, "client", id);
  }

  #context(directory: string): PlanContext {
    const {
      engine,
      processors,
      layerSource,
      environment = process.env,
      onWarning = () => undefined,
    } = this.#init;
    return {
      engine,
      directory,
      environment,
      warn: onWarning,
      ...(processors === undefined ? {} : { processors }),
      ...(layerSource === undefined ? {} : { layerSource }),
    };
  }
}

function generateId(): string {
  return Array.from({ length: GENERATED_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}
