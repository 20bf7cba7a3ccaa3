/** A shim in this process on an emulator of its own, with containers whose first process is the agent. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Diag } from "../../protos/gen/diag.ts";
import { Task } from "../../protos/gen/task-v2.ts";
import { Mount } from "../../protos/gen/types.ts";
import { openHypervisorContainer, type HypervisorContext } from "../../shim/agent/runtime/hypervisor.ts";
import type { IsolatedContainer } from "../../shim/agent/runtime/runtime.ts";
import { agentTarget } from "../../shim/agent/runtime/target.ts";
import { watchTask } from "../../shim/agent/runtime/task-watch.ts";
import { findSystem } from "../../hcs/emulator/systems/reclaim.ts";
import { EmulatorUnderTest } from "../contract/emulator-under-test.ts";
import { CONTAINER_TYPE, SANDBOX_ID } from "../../oci/identity.ts";
import { containerSpec, makeRootfs } from "./guest-rootfs.ts";
import { programBundle } from "./program-bundle.ts";
import { ShimUnderTest } from "./shim-under-test.ts";

const SIGKILL = 9;

export interface AgentContainerOptions {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly mounts?: readonly object[];
  /** Of this pod; a task of its own without. */
  readonly pod?: string;
}

export class AgentFixture {
  readonly under: EmulatorUnderTest;
  readonly shim: ShimUnderTest;
  readonly directory: string;
  readonly #rootfs: string;
  readonly #tasks: string[] = [];
  readonly #open: IsolatedContainer[] = [];
  readonly #closed = new AbortController();

  private constructor(under: EmulatorUnderTest, shim: ShimUnderTest, rootfs: string) {
    this.under = under;
    this.shim = shim;
    this.directory = under.directory;
    this.#rootfs = rootfs;
  }

  static async create(own: Readonly<Record<string, string | boolean>> = {}): Promise<AgentFixture> {
    const under = await EmulatorUnderTest.create();
    const rootfs = join(under.directory, "rootfs");
    makeRootfs(rootfs);
    const shim = await ShimUnderTest.create({
      backend: under.backend,
      stateDirectory: join(under.directory, "shim"),
      own: {
        "agent.enabled": true,
        "agent.program": await programBundle("agent", "shim/agent/guest/main.ts"),
        "agent.store": join(under.directory, "agent"),
        ...own,
      },
    });
    return new AgentFixture(under, shim, rootfs);
  }

  /** A directory of the host for a test. */
  makeDirectory(name: string, files: Readonly<Record<string, string>> = {}): string {
    const directory = join(this.directory, "work", name);
    mkdirSync(directory, { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(directory, path, ".."), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    return directory;
  }

  /** Creates and starts a task. */
  async start(id: string, { annotations = {}, mounts = [], pod }: AgentContainerOptions = {}): Promise<void> {
    const bundle = join(this.directory, "bundles", id);
    mkdirSync(join(bundle, "rootfs"), { recursive: true });
    const spec = containerSpec({ rootfs: "rootfs", args: ["sleep", "1000000"] }) as { mounts: object[] };
    const membership =
      pod === undefined ? {} : { [CONTAINER_TYPE]: pod === id ? "sandbox" : "container", [SANDBOX_ID]: pod };
    writeFileSync(
      join(bundle, "config.json"),
      JSON.stringify({
        ...spec,
        annotations: { ...membership, ...annotations },
        mounts: [...spec.mounts, ...mounts],
      }),
    );
    const rootfs = [Mount.create({ type: "bind", source: this.#rootfs, options: ["rbind", "rw"] })];
    await this.shim.client.call(Task, "Create", { id, bundle, rootfs });
    this.#tasks.push(id);
    await this.shim.client.call(Task, "Start", { id });
  }

  async open(id: string, context: Partial<HypervisorContext> = {}): Promise<IsolatedContainer> {
    const { json } = await this.shim.client.call(Diag, "Agent", { id });
    const container = await openHypervisorContainer(agentTarget(JSON.parse(json)), {
      backend: this.under.backend,
      over: watchTask(this.shim.client, id, this.#closed.signal),
      ...context,
    });
    this.#open.push(container);
    return container;
  }

  async startAndOpen(id: string, options: AgentContainerOptions = {}): Promise<IsolatedContainer> {
    await this.start(id, options);
    return this.open(id);
  }

  /** The VM of a task ends as if it had crashed. */
  crash(id: string): void {
    const system = findSystem(this.under.stateDirectory, `${id}@vm`);
    if (system === undefined) throw new Error(`there is no VM of "${id}"`);
    process.kill(system.worker.pid, "SIGKILL");
  }

  async end(id: string): Promise<void> {
    this.#tasks.splice(this.#tasks.indexOf(id), 1);
    await this.shim.client.call(Task, "Kill", { id, signal: SIGKILL }).catch(() => undefined);
    await this.shim.client.call(Task, "Wait", { id });
    await this.shim.client.call(Task, "Delete", { id });
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const container of this.#open) await container.stop();
    for (const id of [...this.#tasks].reverse()) await this.end(id);
    await this.shim.close();
    await this.under.dispose();
  }
}

/** The programs of this machine, for containers whose image has none. */
export const HOST_PROGRAMS: readonly object[] = ["/usr", "/lib", "/lib64", "/bin"].map((path) => ({
  destination: path,
  type: "bind",
  source: path,
  options: ["rbind", "ro"],
}));

/** What a program in a container says, on both streams. */
export async function saidBy(container: IsolatedContainer, ...argv: string[]): Promise<string> {
  let text = "";
  await container.exec({
    argv,
    onOutput: (_stream, bytes) => void (text += Buffer.from(bytes).toString()),
  });
  return text;
}
