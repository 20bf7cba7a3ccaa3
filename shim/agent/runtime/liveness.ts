/**
 * Whether a container may be given work. States and what leads from one to the next, apart from any I/O: death is noted, and
 * what waits is refused, in one turn of the loop, before anybody is told.
 */
import { createDeferred } from "../../../hcs/deferred.ts";
import { AgentError } from "../protocol/errors.ts";
import type { ContainerState, DeathNotice } from "./runtime.ts";

export class Liveness {
  readonly #about: Pick<DeathNotice, "id" | "incarnation">;
  readonly #died = createDeferred<DeathNotice>();
  readonly #inflight = new Set<string>();
  #state: ContainerState = "running";
  #reason = "";
  /** Under way while the container is suspect. */
  #confirmation: Promise<void> | undefined;

  constructor(about: Pick<DeathNotice, "id" | "incarnation">) {
    this.#about = about;
  }

  get state(): ContainerState {
    return this.#state;
  }

  get died(): Promise<DeathNotice> {
    return this.#died.promise;
  }

  /** Lets one exec in. While the container is suspect it waits. @throws {AgentError} when the container is dead */
  async admit(execId: string): Promise<Disposable> {
    while (this.#confirmation !== undefined) await this.#confirmation;
    this.requireAlive();
    if (this.#inflight.has(execId))
      throw new AgentError("already exists", `exec id "${execId}" is that of an exec that has not ended`);
    this.#inflight.add(execId);
    return { [Symbol.dispose]: () => void this.#inflight.delete(execId) };
  }

  /** @throws {AgentError} */
  requireAlive(): void {
    if (this.#state !== "dead" && this.#state !== "draining") return;
    throw new AgentError("failed precondition", `container "${this.#about.id}" is gone: ${this.#reason}`, {
      consequences: { retryable: true, sideEffects: "none" },
    });
  }

  /**
   * The connection broke. Nothing is admitted until `confirm` has found out.
   *
   * @param confirm resolves when the container is well, and rejects when it is dead
   */
  suspect(confirm: () => Promise<void>): void {
    if (this.#state !== "running") return;
    this.#state = "suspect";
    this.#confirmation = confirm()
      .then(
        () => {
          if (this.#state === "suspect") this.#state = "running";
        },
        (error: unknown) => this.die(error instanceof Error ? error.message : String(error)),
      )
      .finally(() => (this.#confirmation = undefined));
  }

  drain(): void {
    if (this.#state === "dead") return;
    this.#state = "draining";
    this.#reason = "it is being stopped";
  }

  /** For good. */
  die(reason: string, planned = false): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#reason = reason;
    this.#died.resolve({ ...this.#about, reason, planned, inflight: [...this.#inflight] });
  }
}
