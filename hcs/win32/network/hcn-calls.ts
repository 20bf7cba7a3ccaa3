/**
 * Objects of the Host Compute Network, as calls that block: each asks the network service across RPC.
 *
 * Functions answer with an error record beside the HRESULT; one that is not empty means failure even where the HRESULT does not.
 */
import { HRESULT } from "../../hresult-table.ts";
import { isNotFound, splitHresult } from "../../hresult.ts";
import { parseJson } from "../../json.ts";
import { Lane } from "../ffi/lane.ts";
import { COMPUTENETWORK } from "../ffi/libraries/computenetwork.ts";
import { Library } from "../ffi/library.ts";
import { isNull, takeCoTaskText } from "../ffi/memory.ts";
import { failure, type Attempt } from "../ffi/result.ts";
import { out, type Handle, type Out } from "../ffi/types.ts";
import { guidToBytes } from "../guid.ts";

/** Kinds of objects, and what messages call them. */
const NOUN = { Network: "network", Namespace: "network namespace", Endpoint: "endpoint" } as const;

export type HcnKind = keyof typeof NOUN;

/** The functions of each kind: the same, under names of their own. */
const FUNCTIONS = {
  Network: {
    enumerate: "HcnEnumerateNetworks",
    open: "HcnOpenNetwork",
    query: "HcnQueryNetworkProperties",
    modify: "HcnModifyNetwork",
    remove: "HcnDeleteNetwork",
    close: "HcnCloseNetwork",
  },
  Namespace: {
    enumerate: "HcnEnumerateNamespaces",
    open: "HcnOpenNamespace",
    query: "HcnQueryNamespaceProperties",
    modify: "HcnModifyNamespace",
    remove: "HcnDeleteNamespace",
    close: "HcnCloseNamespace",
  },
  Endpoint: {
    enumerate: "HcnEnumerateEndpoints",
    open: "HcnOpenEndpoint",
    query: "HcnQueryEndpointProperties",
    modify: "HcnModifyEndpoint",
    remove: "HcnDeleteEndpoint",
    close: "HcnCloseEndpoint",
  },
} as const;

/** Endpoints are created in a network, and by a call of their own. */
const CREATE = { Network: "HcnCreateNetwork", Namespace: "HcnCreateNamespace" } as const;

const library = new Library(COMPUTENETWORK, new Lane("network", 1));

/** HCN chooses the id. */
const NO_ID = Buffer.alloc(16);
const ALL = JSON.stringify({ SchemaVersion: { Major: 2, Minor: 0 } });

/** @throws {HcsError} */
function required(hresult: number, record: Out<Handle>, attempt: Attempt): void {
  const text = takeCoTaskText(record[0]) ?? "";
  if (text !== "" && !splitHresult(hresult).failed) throw failure(HRESULT.failed, attempt, text);
  if (splitHresult(hresult).failed) throw failure(hresult, attempt, text);
}

function open(kind: HcnKind, id: string): Handle {
  const handle = out();
  const record = out();
  const hresult = library.call(FUNCTIONS[kind].open, guidToBytes(id), handle, record);
  return opened(kind, handle, hresult, record, { operation: `open ${NOUN[kind]}`, target: id });
}

/** A handle, or the error; with an error record there may be both. */
function opened(
  kind: HcnKind,
  handle: Out<Handle>,
  hresult: number,
  record: Out<Handle>,
  attempt: Attempt,
): Handle {
  try {
    required(hresult, record, attempt);
  } catch (error) {
    if (!isNull(handle[0])) library.call(FUNCTIONS[kind].close, handle[0]);
    throw error;
  }
  return handle[0];
}

/** Every open handle is closed again, whatever happens to it. */
function withHandle<T>(kind: HcnKind, handle: Handle, use: () => T): T {
  try {
    return use();
  } finally {
    library.call(FUNCTIONS[kind].close, handle);
  }
}

function properties(kind: HcnKind, handle: Handle, id: string): unknown {
  const text = out();
  const record = out();
  const attempt = { operation: `read properties of ${NOUN[kind]}`, target: id };
  const hresult = library.call(FUNCTIONS[kind].query, handle, ALL, text, record);
  const document = takeCoTaskText(text[0]);
  required(hresult, record, attempt);
  return readJson(document ?? "", attempt);
}

export const HCN_CALLS = {
  /** Ids of all objects, or of those whose members are as the filter says (`{"Name": "nat"}`). */
  enumerate(kind: HcnKind, filter?: Readonly<Record<string, string>>): string[] {
    const attempt = { operation: `list objects of kind ${NOUN[kind]}` };
    const list = out();
    const record = out();
    const hresult = library.call(FUNCTIONS[kind].enumerate, query(filter), list, record);
    const text = takeCoTaskText(list[0]);
    required(hresult, record, attempt);
    const ids = readJson(text ?? "[]", attempt);
    if (Array.isArray(ids) && ids.every((id) => typeof id === "string"))
      return ids.map((id) => id.toLowerCase());
    throw failure(HRESULT.invalidJson, attempt, `the network service answered ${text ?? "nothing"}`);
  },

  /** The object's document. */
  read(kind: HcnKind, id: string): unknown {
    const handle = open(kind, id);
    return withHandle(kind, handle, () => properties(kind, handle, id));
  },

  /** Documents of all objects that are there when they are read: one that is deleted meanwhile is left out. */
  list(kind: HcnKind, filter?: Readonly<Record<string, string>>): unknown[] {
    return HCN_CALLS.enumerate(kind, filter).flatMap((id) => {
      try {
        return [HCN_CALLS.read(kind, id)];
      } catch (error) {
        if (isNotFound(error)) return [];
        throw error;
      }
    });
  },

  /**
   * @param id of the new object; HCN chooses one where it is absent
   * @returns the document as HCN completed it
   */
  create(kind: Exclude<HcnKind, "Endpoint">, settings: unknown, id?: string): unknown {
    const handle = out();
    const record = out();
    const hresult = library.call(
      CREATE[kind],
      id === undefined ? NO_ID : guidToBytes(id),
      JSON.stringify(settings),
      handle,
      record,
    );
    const created = opened(kind, handle, hresult, record, {
      operation: `create ${NOUN[kind]}`,
      ...(id === undefined ? {} : { target: id }),
    });
    return withHandle(kind, created, () => properties(kind, created, "a new one"));
  },

  /** @returns the document as HCN completed it */
  createEndpoint(networkId: string, settings: unknown): unknown {
    const network = open("Network", networkId);
    return withHandle("Network", network, () => {
      const handle = out();
      const record = out();
      const hresult = library.call(
        "HcnCreateEndpoint",
        network,
        NO_ID,
        JSON.stringify(settings),
        handle,
        record,
      );
      const attempt = { operation: "create endpoint in network", target: networkId };
      const endpoint = opened("Endpoint", handle, hresult, record, attempt);
      return withHandle("Endpoint", endpoint, () => properties("Endpoint", endpoint, "a new one"));
    });
  },

  modify(kind: HcnKind, id: string, request: unknown): void {
    const handle = open(kind, id);
    withHandle(kind, handle, () => {
      const record = out();
      const hresult = library.call(FUNCTIONS[kind].modify, handle, JSON.stringify(request), record);
      required(hresult, record, { operation: `change ${NOUN[kind]}`, target: id });
    });
  },

  remove(kind: HcnKind, id: string): void {
    const record = out();
    const hresult = library.call(FUNCTIONS[kind].remove, guidToBytes(id), record);
    required(hresult, record, { operation: `delete ${NOUN[kind]}`, target: id });
  },
} as const;

export type HcnCalls = typeof HCN_CALLS;

/** HostComputeQuery: its filter is a document in a text. */
function query(filter: Readonly<Record<string, string>> | undefined): string {
  if (filter === undefined) return ALL;
  return JSON.stringify({ SchemaVersion: { Major: 2, Minor: 0 }, Filter: JSON.stringify(filter) });
}

function readJson(text: string, attempt: Attempt): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw failure(
      HRESULT.invalidJson,
      attempt,
      `the network service answered ${text === "" ? "nothing" : text}`,
    );
  }
}
