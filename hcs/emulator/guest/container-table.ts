/** The containers of the guest by id, those under way included. */
import type { Container } from "./container.ts";
import { GuestError, RESULT } from "./errors.ts";

export class ContainerTable {
  readonly #containers = new Map<string, Container | "creating">();

  /** Throws for an id that is unknown, and for one whose container is still being made. */
  get(id: string): Container {
    const container = this.#containers.get(id);
    if (container === undefined) throw new GuestError(RESULT.notFound, `container "${id}" does not exist`);
    if (container === "creating") {
      throw new GuestError(RESULT.invalidState, `container "${id}" is still being created`);
    }
    return container;
  }

  /** The container `id` when it has been made, without complaint about others. */
  find(id: string): Container | undefined {
    const container = this.#containers.get(id);
    return container === "creating" ? undefined : container;
  }

  /** Takes `id` for the container that `make` makes; the id is free again when that fails. */
  async add(id: string, make: () => Promise<Container>): Promise<Container> {
    if (this.#containers.has(id))
      throw new GuestError(RESULT.alreadyExists, `container "${id}" already exists`);
    this.#containers.set(id, "creating");
    try {
      const container = await make();
      this.#containers.set(id, container);
      return container;
    } catch (error) {
      this.#containers.delete(id);
      throw error;
    }
  }

  remove(container: Container): void {
    if (this.#containers.get(container.id) === container) this.#containers.delete(container.id);
  }

  all(): Container[] {
    return [...this.#containers.values()].filter((container) => container !== "creating");
  }
}
