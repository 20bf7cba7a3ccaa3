/**
 * A pod's whole life through the Task service, as containerd's CRI leads it: a sandbox and two workloads; in one of them
 * a process of every kind of call. Goes on after refusals as containerd does, and always cleans up with the same calls.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONTAINER_TYPE, SANDBOX_ID } from "../../oci/identity.ts";
import { Any } from "../../protos/gen/google.ts";
import { Task } from "../../protos/gen/task-v2.ts";
import { Mount } from "../../protos/gen/types.ts";
import { LINUX_RESOURCES_URL, PROCESS_URL } from "../../protos/type-urls.ts";
import { Code, RpcError, type Client } from "../../shim/ttrpc/index.ts";
import { containerSpec, execProcess } from "./guest-rootfs.ts";

export const POD = "pod";
/** What happens to it, happens. */
export const VICTIM = "web";
/** Must never notice. */
export const SIBLING = "side";

/** Longer than anything may take: a call that was not answered by then never would be. */
const UNANSWERED_MS = 20_000;

const SIGKILL = 9;
/** Deletions that failed are tried again, as containerd does. */
const MOST_DELETIONS = 3;

export interface Answer {
  readonly call: string;
  readonly error: RpcError | undefined;
  readonly durationMs: number;
}

export interface ScenarioOptions {
  readonly client: Client;
  /** Directory for bundles. */
  readonly bundles: string;
  /** Directory of a root file system. */
  readonly rootfs: string;
  /** Path of the pod's network namespace. */
  readonly network: string;
}

export class PodScenario {
  readonly answers: Answer[] = [];
  readonly #options: ScenarioOptions;
  /** Tasks that were created and not deleted. */
  readonly #live = new Set<string>();
  readonly #started = new Set<string>();
  #sandboxPid = 0;

  constructor(options: ScenarioOptions) {
    this.#options = options;
  }

  /** @param whileSiblingLives called when the victim is gone and its sibling should still be there */
  async run(whileSiblingLives: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await this.#create(POD);
    this.#sandboxPid = (await this.#start(POD))?.pid ?? 0;
    if (this.#sandboxPid !== 0) {
      await this.#workloads();
      await whileSiblingLives();
    }
    await this.cleanUp();
  }

  /** Ends and deletes whatever there is, the sandbox last. */
  async cleanUp(): Promise<void> {
    for (const id of [VICTIM, SIBLING, POD]) {
      if (!this.#live.has(id)) continue;
      await this.call("Kill", { id, signal: SIGKILL, all: true });
      if (this.#started.has(id)) await this.call("Wait", { id });
      await this.#delete(id);
    }
    await this.call("Shutdown", { id: POD });
  }

  async #workloads(): Promise<void> {
    await this.#create(SIBLING);
    await this.#start(SIBLING);
    if (!(await this.#create(VICTIM))) return;
    if ((await this.#start(VICTIM)) !== undefined) {
      await this.execute(VICTIM, "job", ["sh", "-c", "exit 7"]);
      await this.call("Pids", { id: VICTIM });
      await this.call("Stats", { id: VICTIM });
      await this.call("Update", {
        id: VICTIM,
        resources: json(LINUX_RESOURCES_URL, { memory: { limit: 64 * 1024 ** 2 } }),
      });
      await this.call("Pause", { id: VICTIM });
      await this.call("Resume", { id: VICTIM });
      await this.call("Kill", { id: VICTIM, signal: SIGKILL });
      await this.call("Wait", { id: VICTIM });
    }
    await this.#delete(VICTIM);
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
    const started = performance.now();
    const durationMs = (): number => performance.now() - started;
    const call = `${method} ${id}${execId === "" ? "" : `/${execId}`}`;
    try {
      const answer = await this.#options.client.call(Task, method, request, { timeoutMs: UNANSWERED_MS });
      this.answers.push({ call, error: undefined, durationMs: durationMs() });
      return answer;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.answers.push({ call, error, durationMs: durationMs() });
      return undefined;
    }
  }

  /** Calls that nobody answered. */
  unanswered(): string[] {
    return this.answers
      .filter(({ error, durationMs }) => error?.code === Code.DeadlineExceeded && durationMs >= UNANSWERED_MS)
      .map(({ call }) => call);
  }

  async #create(id: string): Promise<boolean> {
    const bundle = join(this.#options.bundles, id);
    mkdirSync(join(bundle, "rootfs"), { recursive: true });
    writeFileSync(join(bundle, "config.json"), JSON.stringify(this.#spec(id)));
    const rootfs = [Mount.create({ type: "bind", source: this.#options.rootfs, options: ["rbind"] })];
    const created = await this.call("Create", { id, bundle, rootfs });
    if (created !== undefined) this.#live.add(id);
    return created !== undefined;
  }

  async #start(id: string): Promise<{ pid: number } | undefined> {
    if (!this.#live.has(id)) return undefined;
    const started = (await this.call("Start", { id })) as { pid: number } | undefined;
    if (started !== undefined) this.#started.add(id);
    return started;
  }

  async #delete(id: string): Promise<void> {
    for (let attempt = 1; attempt <= MOST_DELETIONS; attempt++) {
      if ((await this.call("Delete", { id })) === undefined && attempt < MOST_DELETIONS) continue;
      this.#live.delete(id);
      return;
    }
  }

  #spec(id: string): object {
    const isSandbox = id === POD;
    const spec = containerSpec({ rootfs: "rootfs", args: ["sleep", "1000"] });
    const shared = ["ipc", "uts", "network"];
    const namespaces = ["mount", "pid", ...shared].map((type) => {
      if (isSandbox) return type === "network" ? { type, path: this.#options.network } : { type };
      const path = `/proc/${this.#sandboxPid}/ns/${type === "network" ? "net" : type}`;
      return shared.includes(type) ? { type, path } : { type };
    });
    return {
      ...spec,
      annotations: { [CONTAINER_TYPE]: isSandbox ? "sandbox" : "container", [SANDBOX_ID]: POD },
      linux: { ...(spec as { linux: object }).linux, namespaces },
    };
  }
}

function json(typeUrl: string, value: object): Any {
  return Any.create({ typeUrl, value: Buffer.from(JSON.stringify(value)) });
}
