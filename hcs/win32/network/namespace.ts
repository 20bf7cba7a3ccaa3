/** What HCN says of a namespace, and how what is in it changes. */
import type { CallOptions } from "../../api.ts";
import { isNotFound } from "../../hresult.ts";
import type { HcnNamespace } from "../../schema/hcn.ts";
import type { ThreadCalls } from "../threads/native-thread.ts";
import type { HcnCalls } from "./hcn-calls.ts";

/** A namespace's document says nothing that HCN does not choose. */
export const NEW_NAMESPACE = { SchemaVersion: { Major: 2, Minor: 0 } };

/** Ids of the endpoints in it. */
export function endpointIds({ Resources = [] }: HcnNamespace): string[] {
  return Resources.flatMap(({ Type, Data }) => {
    const id = (Data as { ID?: unknown } | undefined)?.ID;
    return Type === "Endpoint" && typeof id === "string" ? [id] : [];
  });
}

/** ModifyNamespaceSettings */
export function changeOfEndpoint(request: "Add" | "Remove", endpoint: string): object {
  return { ResourceType: "Endpoint", RequestType: request, Settings: { EndpointId: endpoint } };
}

/**
 * Takes the endpoints out of a namespace and removes it. What is not there (any more) is success.
 *
 * @param onTakenOut what becomes of an endpoint that is in no namespace any more
 */
export async function removeNamespace(
  hcn: ThreadCalls<HcnCalls>,
  id: string,
  options?: CallOptions,
  onTakenOut: (endpoint: string) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  await unlessGone(async () => {
    const document = (await hcn.read(["Namespace", id], options)) as HcnNamespace;
    for (const endpoint of endpointIds(document)) {
      await unlessGone(() => hcn.modify(["Namespace", id, changeOfEndpoint("Remove", endpoint)], options));
      await unlessGone(() => onTakenOut(endpoint));
    }
    await hcn.remove(["Namespace", id], options);
  });
}

export async function unlessGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
