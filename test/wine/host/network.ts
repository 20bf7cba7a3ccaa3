/** Answers the calls of the stand-ins for the network service: HCN, and the HNS before it. */
import { HcsError } from "../../../hcs/errors.ts";
import type { Answer, Call, Handler, Handlers, RigMachine } from "./call.ts";
import type { Fields } from "./frame.ts";
import { HcnStore, type HcnKind, type HcnObject } from "./hcn-store.ts";
import { refusal } from "./answer.ts";

interface Open {
  readonly kind: HcnKind;
  readonly id: string;
}

/** What the DLL has open, by the numbers that handles have on the way. */
const handles = new Map<number, Open>();
let lastHandle = 0;

const INVALID_HANDLE = 0x8007_0006;

function opened(call: Call): Open {
  const open = handles.get(call.number("handle"));
  if (open !== undefined) return open;
  throw new HcsError({ operation: "use", target: String(call.number("handle")), hresult: INVALID_HANDLE });
}

function openHandle(kind: HcnKind, id: string): Fields {
  handles.set(++lastHandle, { kind, id });
  return { handle: lastHandle };
}

/** A call with an error record. A fault may set the record alone: its document, with the HRESULT of success. */
function recorded(work: (call: Call, store: HcnStore) => Promise<Fields> | Fields): Handler {
  return async (call, machine: RigMachine): Promise<Answer> => {
    const fault = machine.faults.take(call.function);
    if (fault?.action === "hang") await machine.faults.hang(call.function);
    if (fault?.action === "refuse") {
      const { hresult } = refusal(fault.hresult ?? 0, undefined);
      return { hresult, ...(fault.document === undefined ? {} : { record: fault.document }) };
    }
    try {
      return await work(call, HcnStore.of(machine.backend));
    } catch (error) {
      if (!(error instanceof HcsError)) throw error;
      return { hresult: error.hresult, record: JSON.stringify({ ErrorMessage: error.detail ?? "" }) };
    }
  };
}

function functionsOf(kind: HcnKind): Handlers {
  return {
    [`HcnEnumerate${kind}s`]: recorded((call, store) => {
      const query = call.json("query") as { Filter?: string };
      const filter = JSON.parse(query.Filter ?? "{}") as HcnObject;
      return { document: JSON.stringify(store.list(kind, filter).map((id) => id.toUpperCase())) };
    }),
    [`HcnCreate${kind}`]: recorded((call, store) =>
      openHandle(kind, store.add(kind, call.json("settings") as HcnObject, call.text("id") ?? "")),
    ),
    [`HcnOpen${kind}`]: recorded(async (call, store) => {
      const id = call.text("id") ?? "";
      await store.get(kind, id);
      return openHandle(kind, id);
    }),
    [`HcnModify${kind}`]: recorded((call, store) => {
      store.change(kind, opened(call).id, call.json("settings") as HcnObject);
      return {};
    }),
    [`HcnQuery${kind}Properties`]: recorded(async (call, store) => {
      const query = call.json("query") as { SchemaVersion?: { Major?: number } };
      if (query.SchemaVersion?.Major !== 2) throw new Error("the query has no schema version 2");
      return { document: JSON.stringify(await store.get(kind, opened(call).id)) };
    }),
    [`HcnDelete${kind}`]: recorded(async (call, store) => {
      await store.remove(kind, call.text("id") ?? "");
      return {};
    }),
    [`HcnClose${kind}`]: (call) => {
      handles.delete(call.number("handle"));
      return {};
    },
  };
}

/** What the HNS answers, by method and path. */
const HNS: Readonly<Record<string, (body: unknown) => unknown>> = {
  "GET /globals/version": () => ({ Version: { Major: 15, Minor: 4 } }),
  "POST /namespaces/": (body) => body,
};

/** computenetwork.dll */
export const HCN_HANDLERS: Handlers = {
  ...functionsOf("Network"),
  ...functionsOf("Namespace"),
  ...functionsOf("Endpoint"),
};

/** vmcompute.dll */
export const HNS_HANDLERS: Handlers = {
  HNSCall: async (call, { faults }) => {
    const fault = faults.take(call.function);
    if (fault !== undefined) return refusal(fault.hresult ?? 0, fault.document);
    const output = HNS[`${call.text("method")} ${call.text("path")}`]?.(call.json("body"));
    const answer =
      output === undefined
        ? { Success: false, Error: "Element not found." }
        : { Success: true, Output: output };
    return { document: JSON.stringify(answer) };
  },
};
