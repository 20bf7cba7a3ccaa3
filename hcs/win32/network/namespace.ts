/** What HCN says of a namespace. */
import type { HcnNamespace } from "../../schema/hcn.ts";

/** Ids of the endpoints in it. */
export function endpointIds({ Resources = [] }: HcnNamespace): string[] {
  return Resources.flatMap(({ Type, Data }) => {
    const id = (Data as { ID?: unknown } | undefined)?.ID;
    return Type === "Endpoint" && typeof id === "string" ? [id] : [];
  });
}
