/**
 * A pod's whole life through the Task service, as containerd's CRI leads it: a sandbox and two workloads; in one of them
 * a process of every kind of call. Goes on after refusals as containerd does, and always cleans up with the same calls.
 */
import { LINUX_RESOURCES_URL } from "../../protos/type-urls.ts";
import { json, PodClient, type PodClientOptions } from "./pod-client.ts";

export const POD = "pod";
/** What happens to it, happens. */
export const VICTIM = "web";
/** Must never notice. */
export const SIBLING = "side";

/** Ends by itself, with the status of a process that was killed. */
export const BRIEF = "brief";

const LIMIT_BYTES = 64 * 1024 ** 2;

export class PodScenario extends PodClient {
  constructor(options: PodClientOptions) {
    super(POD, options);
  }

  /** @param whileSiblingLives called when the victim is gone and its sibling should still be there */
  async run(whileSiblingLives: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    if (await this.startSandbox()) {
      await this.create(SIBLING);
      await this.start(SIBLING);
      await this.#leadVictim();
      await this.create(BRIEF, ["sh", "-c", "exit 137"]);
      if ((await this.start(BRIEF)) !== undefined) await this.call("Wait", { id: BRIEF });
      await this.end(BRIEF);
      await whileSiblingLives();
    }
    // The sandbox goes first: it takes its workloads with it.
    for (const id of [VICTIM, POD, SIBLING]) await this.end(id);
    await this.call("Shutdown", { id: POD });
  }

  async #leadVictim(): Promise<void> {
    const id = VICTIM;
    if (!(await this.create(id))) return;
    if ((await this.start(id)) !== undefined) {
      await this.execute(id, "job", ["sh", "-c", "exit 7"]);
      await this.call("Pids", { id });
      await this.call("Stats", { id });
      const resources = json(LINUX_RESOURCES_URL, { memory: { limit: LIMIT_BYTES } });
      await this.call("Update", { id, resources });
      await this.call("Pause", { id });
      await this.call("Resume", { id });
    }
    await this.end(id);
  }
}
