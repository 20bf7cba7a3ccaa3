/**
 * Changing the limits of a whole VM: an update that goes to the task which owns it.
 */
import { addSecurityPolicyFragment, updatePodMemoryLimit } from "../../../hcs/guest/modify.ts";
import {
  MEMORY_SIZE,
  PROCESSOR_GROUP,
  PROCESSOR_LIMITS,
  type ProcessorLimits,
} from "../../../hcs/schema/modify.ts";
import { vmCpuGroup } from "../../../oci/annotations/catalogue.ts";
import { SpecError, type SpecWarning } from "../../../oci/errors.ts";
import {
  isObject,
  optionalNumber,
  optionalObject,
  optionalString,
  type JsonObject,
} from "../../../oci/json.ts";
import { ShimError } from "../../errors.ts";
import type { UvmView } from "./uvm.ts";

/** The VM that is to be changed. */
export interface VmUpdateTarget {
  readonly uvm: UvmView;
  /** Of the host. */
  readonly build: number;
  warn(warnings: readonly SpecWarning[]): void;
}

export interface VmUpdate {
  /** Last part of the resources' type URL. */
  readonly kind: string;
  readonly resources: unknown;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Kind of resources → where limit and weight of the processors are. */
const PROCESSOR_MEMBERS: Readonly<Record<string, { readonly limit: string; readonly weight: string }>> = {
  LinuxResources: { limit: "quota", weight: "shares" },
  WindowsResources: { limit: "maximum", weight: "shares" },
};
const POLICY_FRAGMENT = "PolicyFragment";

/** The first build that changes the processor limits of a VM that runs. */
const PROCESSOR_UPDATE_BUILD = 19_042;
const MEBIBYTE = 1024 ** 2;

/** @throws {SpecError} for resources that a VM does not take, {ShimError} UNSUPPORTED on a host that is too old */
export async function updateVm(
  target: VmUpdateTarget,
  { kind, resources, annotations }: VmUpdate,
  signal: AbortSignal,
): Promise<void> {
  if (kind === POLICY_FRAGMENT && isObject(resources)) return addFragment(target, resources, signal);
  const members = Object.hasOwn(PROCESSOR_MEMBERS, kind) ? PROCESSOR_MEMBERS[kind] : undefined;
  if (members === undefined || !isObject(resources)) {
    const known = [...Object.keys(PROCESSOR_MEMBERS), POLICY_FRAGMENT].join(" or ");
    throw new SpecError({ at: "resources", rule: `must be ${known} for a VM`, value: kind });
  }
  // Everything is checked before anything is changed.
  const memory = optionalObject(resources, "memory", "/resources");
  const limit = memory && optionalNumber(memory, "limit", "/resources/memory");
  const processor = optionalObject(resources, "cpu", "/resources");
  const limits = processor && processorLimits(target, processor, members);
  const group = processorGroup(annotations);
  if (limit !== undefined && limit > 0) await changeMemory(target, limit, signal);
  if (limits !== undefined) await change(target, PROCESSOR_LIMITS, limits, signal);
  if (group !== undefined) await change(target, PROCESSOR_GROUP, { Id: group }, signal);
}

/** A value of the topology is set, neither added nor removed: such a request has no type. */
function change(
  { uvm }: VmUpdateTarget,
  ResourcePath: string,
  Settings: unknown,
  signal: AbortSignal,
): Promise<void> {
  return uvm.system.modify({ ResourcePath, Settings }, { signal });
}

async function changeMemory(target: VmUpdateTarget, bytes: number, signal: AbortSignal): Promise<void> {
  const { uvm } = target;
  const floored = Math.floor(bytes / MEBIBYTE);
  const even = floored + (floored % 2);
  if (even !== floored) {
    target.warn([
      {
        kind: "memory-aligned-to-even-MB",
        at: "/resources/memory/limit",
        message: `raised to ${even} MiB: sizes are even`,
        value: String(bytes),
      },
    ]);
  }
  await change(target, MEMORY_SIZE, even, signal);
  if (uvm.guest.os === "linux") await uvm.guest.modify(updatePodMemoryLimit(), { signal });
}

function processorLimits(
  { uvm, build }: VmUpdateTarget,
  processor: JsonObject,
  members: { readonly limit: string; readonly weight: string },
): ProcessorLimits {
  if (build < PROCESSOR_UPDATE_BUILD) {
    throw new ShimError(
      "UNSUPPORTED",
      `cannot update VM "${uvm.id}": changing processor limits needs build ${PROCESSOR_UPDATE_BUILD}, this host has ${build}`,
    );
  }
  const limit = optionalNumber(processor, members.limit, "/resources/cpu");
  const weight = optionalNumber(processor, members.weight, "/resources/cpu");
  return {
    ...(limit === undefined || limit === 0 ? {} : { Limit: limit }),
    ...(weight === undefined || weight === 0 ? {} : { Weight: weight }),
  };
}

/** @returns undefined when the update says nothing about it */
function processorGroup(annotations: Readonly<Record<string, string>>): string | undefined {
  const group = annotations[vmCpuGroup.key];
  if (group !== "") return group;
  throw new SpecError({ at: `annotation ${vmCpuGroup.key}`, rule: "must name a CPU group", value: group });
}

async function addFragment(
  { uvm }: VmUpdateTarget,
  resources: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const Fragment = optionalString(resources, "fragment", "/resources") ?? "";
  const MediaType = optionalString(resources, "mediaType", "/resources") ?? "";
  await uvm.guest.modify(addSecurityPolicyFragment({ Fragment, MediaType }), { signal });
}
