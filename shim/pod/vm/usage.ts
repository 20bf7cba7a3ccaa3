/** What a VM uses of its host. */
import type { BackendTraits } from "../../../hcs/api.ts";
import { isAlreadyStopped, isAnswerless, isNotFound } from "../../../hcs/hresult.ts";
import type { ComputeSystemDocument } from "../../../hcs/schema/compute-system.ts";
import type { VmUsage } from "../../task/container.ts";
import type { Uvm } from "./uvm.ts";

/** In which HCS counts the memory of VMs, whatever pages the VM has. */
const PAGE_BYTES = 4096n;

/** Undefined when the VM has gone, and where statistics have no place for it. @throws {HcsError} */
export async function vmUsage(
  uvm: Pick<Uvm, "isAlive" | "system" | "document">,
  { statistics }: Pick<BackendTraits, "statistics">,
  signal: AbortSignal,
): Promise<VmUsage | undefined> {
  if (statistics !== "runhcs" || !uvm.isAlive) return undefined;
  const { system, document } = uvm;
  try {
    const query = { PropertyTypes: ["Statistics" as const, "Memory" as const] };
    const { Statistics, Memory } = await system.properties(query, { signal });
    const assigned = Memory?.VirtualMachineMemory?.AssignedMemory;
    const workingSetBytes = isPhysicallyBacked(document)
      ? assigned && BigInt(assigned) * PAGE_BYTES
      : await system.workingSet?.({ signal });
    return {
      ...(Statistics === undefined ? {} : { Statistics }),
      ...(Memory === undefined ? {} : { Memory }),
      ...(workingSetBytes === undefined ? {} : { workingSetBytes }),
    };
  } catch (error) {
    if (isNotFound(error) || isAlreadyStopped(error) || isAnswerless(error)) return undefined;
    throw error;
  }
}

/** Memory that cannot be overcommitted is assigned as a whole. */
function isPhysicallyBacked({ VirtualMachine }: ComputeSystemDocument): boolean {
  return VirtualMachine?.ComputeTopology?.Memory?.AllowOvercommit !== true;
}
