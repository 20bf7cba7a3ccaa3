/** What containerd does with one pod through the Task service, call by call; every answer is kept. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONTAINER_TYPE, SANDBOX_ID } from "../../oci/identity.ts";
import { Any } from "../../protos/gen/google.ts";
import { Task } from "../../protos/gen/task-v2.ts";
import { Mount } from "../../protos/gen/types.ts";
import { PROCESS_URL } from "../../protos/type-urls.ts";
import { Code, RpcError, type Client } from "../../shim/ttrpc/index.ts";
import { containerSpec, execProcess } from "./guest-rootfs.ts";

/** Longer than anything may take: a call that was not answered by then never would be. */
const UNANSWERED_MS = 20_000;

const SIGKILL = 9;
/** What failed is tried again, as containerd and its clients do. */
const MOST_ATTEMPTS = 3;

export interface Answer {
  readonly call: string;
  readonly error: RpcError | undefined;
  readonly durationMs: number;
}

export interface PodClientOptions {
  readonly client: Client;
  /** Directory for bundles. */
  readonly bundles: string;
  /** Directory of a root file system. */
  readonly rootfs: string;
  /** Mounts of a container instead of a bind of {@link rootfs}; `bundle` has room for what they need. */
  readonly mountsOf?: (rootfs: string, bundle: string) => Mount[];
  /** Path of the pod's network namespace. */
  readonly network: string;
}

export class PodClient {
  readonly id: string;
  readonly answers: Answer[] = [];
  readonly #options: PodClientOptions;
  /** Tasks that were created and not deleted. */
  readonly #live = new Set<string>();
  readonly #started = new Set<string>();
  #sandboxPid = 0;

  constructor(id: string, options: PodClientOptions) {
    this.id = id;
    this.#options = options;
  }

  /** The sandbox, created and started. @returns whether it runs */
  async startSandbox(): Promise<boolean> {
    await this.create(this.id);
    this.#sandboxPid = (await this.start(this.id)) ?? 0;
    return this.#sandboxPid !== 0;
  }

  /** @returns whether it was created */
  async create(id: string, args: readonly string[] = ["sleep", "1000"]): Promise<boolean> {
    const bundle = join(this.#options.bundles, id);
    mkdirSync(join(bundle, "rootfs"), { recursive: true });
    writeFileSync(join(bundle, "config.json"), JSON.stringify(this.#spec(id, args)));
    const { rootfs: directory, mountsOf } = this.#options;
    const rootfs = mountsOf?.(directory, bundle) ?? [
      Mount.create({ type: "bind", source: directory, options: ["rbind"] }),
    ];
    const created = await this.call("Create", { id, bundle, rootfs });
    if (created !== undefined) this.#live.add(id);
    return created !== undefined;
  }

  /** @returns the pid; undefined when it was refused, or was never created */
  async start(id: string): Promise<number | undefined> {
    if (!this.#live.has(id)) return undefined;
    const started = (await this.call("Start", { id })) as { pid: number } | undefined;
    if (started !== undefined) this.#started.add(id);
    return started?.pid;
  }

  /** Ends a task for good: kill, wait, delete. One that is not there is left alone. */
  async end(id: string): Promise<void> {
    if (!this.#live.has(id)) return;
    await this.#insist(() => this.call("Kill", { id, signal: SIGKILL }));
    if (this.#started.has(id)) await this.call("Wait", { id });
    await this.#delete(id);
  }

  async #delete(id: string): Promise<void> {
    await this.#insist(() => this.call("Delete", { id }));
    this.#live.delete(id);
    this.#started.delete(id);
  }

  /** Calls again what was refused, unless there is nobody to be called for. */
  async #insist(call: () => Promise<object | undefined>): Promise<void> {
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      if ((await call()) !== undefined || this.answers.at(-1)?.error?.code === Code.NotFound) return;
    }
  }

  /** Runs a command in a task. @returns its exit status; undefined when it could not be run */
  async execute(id: string, execId: string, args: readonly string[]): Promise<number | undefined> {
    const added = await this.call("Exec", { id, execId, spec: json(PROCESS_URL, execProcess(args)) });
    if (added === undefined) return undefined;
    const started = await this.call("Start", { id, execId });
    const ended = started === undefined ? undefined : await this.call("Wait", { id, execId });
    await this.call("Delete", { id, execId });
    return (ended as { exitStatus: number } | undefined)?.exitStatus;
  }

  /** One call. @returns the answer; undefined when it was refused */
  async call(method: keyof typeof Task.methods, request: object): Promise<object | undefined> {
    const { id = "", execId = "" } = request as { id?: string; execId?: string };
    const begun = performance.now();
    const keep = (error: RpcError | undefined): void => {
      const call = `${method} ${id}${execId === "" ? "" : `/${execId}`}`;
      this.answers.push({ call, error, durationMs: performance.now() - begun });
    };
    try {
      const answer = await this.#options.client.call(Task, method, request, { timeoutMs: UNANSWERED_MS });
      keep(undefined);
      return answer;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      keep(error);
      return undefined;
    }
  }

  /** Calls that were refused, with the reasons. To find what one wanted to end gone is no refusal. */
  refused(): string[] {
    return this.answers.flatMap(({ call, error }) =>
      error === undefined || error.code === Code.NotFound ? [] : [`${call}: ${error.message}`],
    );
  }

  /** Calls that nobody answered. */
  unanswered(): string[] {
    return this.answers
      .filter(({ error, durationMs }) => error?.code === Code.DeadlineExceeded && durationMs >= UNANSWERED_MS)
      .map(({ call }) => call);
  }

  #spec(id: string, args: readonly string[]): object {
    const isSandbox = id === this.id;
    const spec = containerSpec({ rootfs: "rootfs", args });
    const shared = ["ipc", "uts", "network"];
    const namespaces = ["mount", "pid", ...shared].map((type) => {
      if (isSandbox) return type === "network" ? { type, path: this.#options.network } : { type };
      const path = `/proc/${this.#sandboxPid}/ns/${type === "network" ? "net" : type}`;
      return shared.includes(type) ? { type, path } : { type };
    });
    return {
      ...spec,
      annotations: { [CONTAINER_TYPE]: isSandbox ? "sandbox" : "container", [SANDBOX_ID]: this.id },
      linux: { ...(spec as { linux: object }).linux, namespaces },
    };
  }
}

/** A JSON document in an Any, as containerd hands over OCI objects. */
export function json(typeUrl: string, value: object): Any {
  return Any.create({ typeUrl, value: Buffer.from(JSON.stringify(value)) });
}
