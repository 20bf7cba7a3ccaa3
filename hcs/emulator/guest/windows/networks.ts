/** Network namespaces of a Windows guest, by the ids its host gave them, and the adapters in them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { GuestError, RESULT } from "../errors.ts";
import type { SiloNetwork } from "./silo-spec.ts";

/** Where the worker shows the adapters that the host has added: each is a network namespace. */
const ADAPTERS = "/run/shares/nics";

export class WindowsNetworks {
  /** Namespace → its adapters. */
  readonly #namespaces = new Map<string, Set<string>>();
  /** Adapters that were announced → the namespace of their endpoint. */
  readonly #announced = new Map<string, string>();

  addNamespace(id: string): void {
    this.#namespaces.set(id.toLowerCase(), this.#namespaces.get(id.toLowerCase()) ?? new Set());
  }

  removeNamespace(id: string): void {
    this.#namespaces.delete(id.toLowerCase());
  }

  announceAdapter(adapter: string, namespace: string): void {
    if (!this.#namespaces.has(namespace.toLowerCase()))
      throw new GuestError(RESULT.elementNotFound, `there is no network namespace ${namespace}`);
    this.#announced.set(adapter.toLowerCase(), namespace.toLowerCase());
  }

  addAdapter(adapter: string): void {
    const namespace = this.#announced.get(adapter.toLowerCase());
    if (namespace === undefined)
      throw new GuestError(RESULT.elementNotFound, `adapter ${adapter} was not announced (PreAdd)`);
    if (!existsSync(adapterPath(adapter)))
      throw new GuestError(RESULT.elementNotFound, `the VM has no adapter ${adapter}`);
    this.#namespaces.get(namespace)?.add(adapter.toLowerCase());
  }

  removeAdapter(adapter: string): void {
    this.#announced.delete(adapter.toLowerCase());
    for (const adapters of this.#namespaces.values()) adapters.delete(adapter.toLowerCase());
  }

  /** What a container is in that names this namespace. */
  networkOf(namespace: string | undefined): SiloNetwork {
    if (namespace === undefined) return { kind: "own" };
    const adapters = this.#namespaces.get(namespace.toLowerCase());
    if (adapters === undefined)
      throw new GuestError(RESULT.elementNotFound, `there is no network namespace ${namespace}`);
    const [first] = adapters;
    return first === undefined ? { kind: "own" } : { kind: "namespace", path: adapterPath(first) };
  }
}

function adapterPath(adapter: string): string {
  return join(ADAPTERS, adapter.toLowerCase());
}
