/**
 * Network namespaces of the guest. The emulated NIC is a whole network namespace that the host has prepared and
 * bound at `/run/shares/nics/<NIC GUID>`; a container joins it by that path, so there is nothing to configure here.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { GuestError, RESULT } from "./errors.ts";
import type { NetworkSettings } from "./requests.ts";

const NICS = "/run/shares/nics";

export interface Adapter {
  /** Lower-case GUID. */
  readonly id: string;
  /** Path of the network namespace that is this adapter. */
  readonly path: string;
  /** Lower-case, without doublets within the adapter. */
  readonly searchDomains: readonly string[];
  readonly nameServers: readonly string[];
}

interface Namespace {
  readonly adapters: Map<string, Adapter>;
  /** The sandbox or standalone container that has taken the namespace. Never given back: as in a real guest. */
  containerId?: string;
}

export class NetworkTable {
  readonly #namespaces = new Map<string, Namespace>();
  readonly #nics: string;

  constructor(nics: string = NICS) {
    this.#nics = nics;
  }

  /** `Network` Add. */
  addAdapter(settings: NetworkSettings): void {
    const namespaceId = settings.NamespaceID?.toLowerCase() ?? "";
    const id = settings.ID?.toLowerCase() ?? "";
    const namespace = this.#namespaces.get(namespaceId) ?? newNamespace();
    if (namespace.adapters.has(id)) {
      throw new GuestError(RESULT.failed, `network adapter "${id}" is already in namespace "${namespaceId}"`);
    }
    const path = join(this.#nics, id);
    if (!/^[0-9a-f-]+$/.test(id) || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      throw new GuestError(
        RESULT.failed,
        `network adapter "${id}" does not exist: the host has not added it`,
      );
    }
    namespace.adapters.set(id, {
      id,
      path,
      searchDomains: words(settings.DNSSuffix),
      nameServers: words(settings.DNSServerList),
    });
    this.#namespaces.set(namespaceId, namespace);
  }

  /** `Network` Remove: the adapter is forgotten. What is unknown is success. */
  removeAdapter(settings: NetworkSettings): void {
    this.#namespaces
      .get(settings.NamespaceID?.toLowerCase() ?? "")
      ?.adapters.delete(settings.ID?.toLowerCase() ?? "");
  }

  /** Makes a namespace without adapters, unless it is known already. */
  ensure(namespaceId: string): void {
    const id = namespaceId.toLowerCase();
    if (!this.#namespaces.has(id)) this.#namespaces.set(id, newNamespace());
  }

  /** The adapters of a namespace; throws when it is not known. */
  adapters(namespaceId: string): readonly Adapter[] {
    return [...this.#find(namespaceId).adapters.values()];
  }

  /** Throws when another container has taken the namespace already. */
  requireFree(namespaceId: string): void {
    const { containerId } = this.#find(namespaceId);
    if (containerId === undefined) return;
    throw new GuestError(
      RESULT.failed,
      `network namespace "${namespaceId}" already belongs to "${containerId}"`,
    );
  }

  /** Gives the namespace to a container, for as long as the VM runs. */
  assign(namespaceId: string, containerId: string): void {
    this.#find(namespaceId).containerId = containerId;
  }

  #find(namespaceId: string): Namespace {
    const namespace = this.#namespaces.get(namespaceId.toLowerCase());
    if (namespace !== undefined) return namespace;
    throw new GuestError(RESULT.elementNotFound, `network namespace "${namespaceId}" does not exist`);
  }
}

function newNamespace(): Namespace {
  return { adapters: new Map() };
}

function words(list: string | undefined): string[] {
  const all = (list ?? "").split(",").map((word) => word.trim().toLowerCase());
  return [...new Set(all.filter((word) => word !== ""))];
}
