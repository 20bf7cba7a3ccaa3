/** What every kind of container to work in is: somebody by a name, who lives until it does not. */
import { Liveness } from "./liveness.ts";
import type { ContainerState, DeathNotice } from "./runtime.ts";

export abstract class LivingContainer {
  readonly id: string;
  readonly incarnation: string;
  protected readonly liveness: Liveness;

  constructor({ id, incarnation }: Pick<DeathNotice, "id" | "incarnation">) {
    this.id = id;
    this.incarnation = incarnation;
    this.liveness = new Liveness({ id, incarnation });
  }

  get state(): ContainerState {
    return this.liveness.state;
  }

  get died(): Promise<DeathNotice> {
    return this.liveness.died;
  }
}
