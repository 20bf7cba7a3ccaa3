/** The container library: containers of one engine, by id. */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { mkdir, rm } from "node:fs/promises";
import { Container } from "./container.ts";
import type { Engine, EngineEvent } from "./engine.ts";
import { ClientError } from "./errors.ts";
import { containerEvents, type ContainerEvent } from "./events.ts";
import { planContainer, type PlanContext } from "./plan.ts";
import type { ContainerOptions } from "./options/options.ts";

export interface ClientInit {
  readonly engine: Engine;
  /** Where what engines do not keep is kept: logs, writable layers on directories, network records. */
  readonly stateDirectory: string;
  /** Processors of the machine the containers run on; those of this one unless said otherwise. */
  readonly processors?: number;
  readonly environment?: NodeJS.ProcessEnv;
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
      await this.engine.containers.create(await planContainer(id, options, this.#context(directory)));
    } catch (error) {
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

  /** What happens to containers from now on, until `signal` fires. */
  events(signal: AbortSignal = new AbortController().signal): AsyncIterable<ContainerEvent> {
    const raw: AsyncIterable<EngineEvent> = this.engine.events(signal);
    return containerEvents(raw);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
  }

  #container(id: string): Container {
    return new Container({ id, engine: this.engine, directory: this.#directoryOf(id) });
  }

  #directoryOf(id: string): string {
    return join(this.#init.stateDirectory, this.engine.namespace, "client", id);
  }

  #context(directory: string): PlanContext {
    const { engine, processors, environment = process.env, onWarning = () => undefined } = this.#init;
    return {
      engine,
      directory,
      environment,
      warn: onWarning,
      ...(processors === undefined ? {} : { processors }),
    };
  }
}

function generateId(): string {
  return Array.from({ length: GENERATED_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}
