/** Objects of the Host Compute Network, in memory: those that the machine has, and those that are made through the DLL. */
import { randomUUID } from "node:crypto";
import type { HcsBackend } from "../../../hcs/api.ts";
import { HcsError } from "../../../hcs/errors.ts";

export type HcnKind = "Network" | "Namespace" | "Endpoint";
export type HcnObject = Readonly<Record<string, unknown>>;

const ELEMENT_NOT_FOUND = 0x8007_0490;

export class HcnStore {
  readonly #backend: HcsBackend;
  readonly #objects = new Map<HcnKind, Map<string, HcnObject>>();
  static readonly #stores = new WeakMap<HcsBackend, HcnStore>();

  private constructor(backend: HcsBackend) {
    this.#backend = backend;
  }

  /** That of a machine. */
  static of(backend: HcsBackend): HcnStore {
    let store = HcnStore.#stores.get(backend);
    if (store === undefined) HcnStore.#stores.set(backend, (store = new HcnStore(backend)));
    return store;
  }

  /** @throws {HcsError} when there is none */
  async get(kind: HcnKind, id: string): Promise<HcnObject> {
    const known = this.#of(kind).get(id);
    if (known !== undefined) return known;
    if (kind === "Namespace") return this.#fromMachine(id);
    throw new HcsError({ operation: "find", target: id, hresult: ELEMENT_NOT_FOUND });
  }

  /** @param wanted its id; all zeroes leave the choice to the service */
  add(kind: HcnKind, settings: HcnObject, wanted: string): string {
    const id = /[1-9a-f]/i.test(wanted) ? wanted.toLowerCase() : randomUUID();
    this.#of(kind).set(id, { ...settings, ID: id });
    return id;
  }

  change(kind: HcnKind, id: string, change: HcnObject): void {
    if (kind === "Namespace" && change["ResourceType"] === "Endpoint")
      return this.#changeEndpoints(id, change);
    this.#of(kind).set(id, { ...this.#of(kind).get(id), Changed: change });
  }

  async remove(kind: HcnKind, id: string): Promise<void> {
    await this.get(kind, id);
    this.#of(kind).delete(id);
  }

  /** @throws {HcsError} for an endpoint that is to be added and is not there */
  #changeEndpoints(id: string, { RequestType, Settings }: HcnObject): void {
    const { EndpointId } = Settings as { readonly EndpointId: string };
    if (RequestType === "Add" && !this.#of("Endpoint").has(EndpointId))
      throw new HcsError({ operation: "find", target: EndpointId, hresult: ELEMENT_NOT_FOUND });
    const namespace = this.#of("Namespace").get(id) ?? {};
    const present = (namespace["Resources"] as readonly { Data: { ID: string } }[] | undefined) ?? [];
    const others = present.filter(({ Data }) => Data.ID !== EndpointId);
    const added = RequestType === "Add" ? [{ Type: "Endpoint", Data: { ID: EndpointId } }] : [];
    this.#of("Namespace").set(id, { ...namespace, Resources: [...others, ...added] });
  }

  /** Ids of those whose members are as the filter says. */
  list(kind: HcnKind, filter: HcnObject): string[] {
    const matches = (object: HcnObject): boolean =>
      Object.entries(filter).every(
        ([name, value]) => String(object[name]).toLowerCase() === String(value).toLowerCase(),
      );
    return [...this.#of(kind)].filter(([, object]) => matches(object)).map(([id]) => id);
  }

  /** With the endpoints in it. */
  async #fromMachine(id: string): Promise<HcnObject> {
    const namespace = await this.#backend.network.openNamespace(id);
    for (const { id: endpoint, document } of namespace.endpoints)
      this.#of("Endpoint").set(endpoint, document as HcnObject);
    const document = namespace.document as HcnObject;
    this.#of("Namespace").set(id, document);
    return document;
  }

  #of(kind: HcnKind): Map<string, HcnObject> {
    let objects = this.#objects.get(kind);
    if (objects === undefined) this.#objects.set(kind, (objects = new Map<string, HcnObject>()));
    return objects;
  }
}
