/** The network namespace of a container that asks for a network and brings none. */
import { randomUUID } from "node:crypto";
import type { Network } from "../../../hcs/api.ts";
import type { Spec } from "../../../oci/spec.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { ResourceKind } from "../../resources/journal.ts";

/** Kinds of what makes the network of a VM: removing it needs the guest. */
export const NETWORK: readonly ResourceKind[] = ["nic", "namespace", "own-namespace"];

/**
 * What names the container's network: of what its client made, or of a namespace that is made here, with the endpoints
 * that the spec lists.
 *
 * @returns undefined where the container has no network to speak of
 */
export async function namespaceOf(
  { windows }: Spec,
  network: Network,
  holdings: Holdings,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (windows === undefined || windows.networkNamespace !== undefined) return windows?.networkNamespace;
  if (windows.network === undefined || network.createNamespace === undefined) return undefined;
  const id = randomUUID();
  await holdings.acquire(
    { kind: "own-namespace", key: `own-namespace:${id}`, data: { id } },
    async () => network.createNamespace?.(id, windows.network?.endpointList ?? [], { signal }),
    async (budget) => network.deleteNamespace?.(id, { signal: budget }),
  );
  return id;
}
