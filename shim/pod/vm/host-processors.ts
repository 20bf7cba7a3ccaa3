/** How many logical processors the host can give to a VM, as the compute service counts them. */
import type { HcsBackend } from "../../../hcs/api.ts";

export async function hostProcessors(backend: HcsBackend, signal: AbortSignal): Promise<number> {
  const { Properties } = await backend.serviceProperties(
    { PropertyTypes: ["ProcessorTopology"] },
    { signal },
  );
  const count = Properties[0]?.LogicalProcessorCount;
  if (count === undefined) throw new Error("the compute service did not say how many processors there are");
  return count;
}
