/**
 * Changing the limits of a whole VM: an update that goes to the task which owns it.
 */
import { updatePodMemoryLimit } from "../../../hcs/guest/modify.ts";
import { MEMORY_SIZE, PROCESSOR_LIMITS, type ProcessorLimits } from "../../../hcs/schema/modify.ts";
import { isObject, optionalNumber, optionalObject, type JsonObject } from "../../../oci/json.ts";
import { ShimError } from "../../errors.ts";
import type { UvmView } from "./uvm.ts";

/** Kind of resources (last part of the type URL) → where limit and weight of the processors are. */
const PROCESSOR_MEMBERS: Readonly<Record<string, { readonly limit: string; readonly weight: string }>> = {
  LinuxResources: { limit: "quota", weight: "shares" },
  WindowsResources: { limit: "maximum", weight: "shares" },
};

const MEBIBYTE = 1024 ** 2;

/** @throws {ShimError} REQUEST_INVALID for resources of another kind */
export async function updateVm(
  uvm: UvmView,
  kind: string,
  resources: unknown,
  signal: AbortSignal,
): Promise<void> {
  const members = PROCESSOR_MEMBERS[kind];
  if (members === undefined || !isObject(resources)) {
    const known = Object.keys(PROCESSOR_MEMBERS).join(" or ");
    throw new ShimError(
      "REQUEST_INVALID",
      `cannot update VM "${uvm.id}": resources must be ${known}, not ${kind}`,
    );
  }
  const memory = optionalObject(resources, "memory", "/resources");
  const limit = memory && optionalNumber(memory, "limit", "/resources/memory");
  if (limit !== undefined && limit > 0) {
    const floored = Math.floor(limit / MEBIBYTE);
    await uvm.system.modify({ ResourcePath: MEMORY_SIZE, Settings: floored + (floored % 2) }, { signal });
    await uvm.guest.modify(updatePodMemoryLimit(), { signal });
  }
  const processor = optionalObject(resources, "cpu", "/resources");
  if (processor !== undefined) {
    await uvm.system.modify(
      { ResourcePath: PROCESSOR_LIMITS, Settings: processorLimits(processor, members) },
      { signal },
    );
  }
}

function processorLimits(
  processor: JsonObject,
  members: { readonly limit: string; readonly weight: string },
): ProcessorLimits {
  const limit = optionalNumber(processor, members.limit, "/resources/cpu");
  const weight = optionalNumber(processor, members.weight, "/resources/cpu");
  return {
    ...(limit === undefined || limit === 0 ? {} : { Limit: limit }),
    ...(weight === undefined || weight === 0 ? {} : { Weight: weight }),
  };
}
