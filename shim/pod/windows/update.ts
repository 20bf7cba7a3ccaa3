/** Changing a Windows container that exists: its limits, and directories it gets later. The same on the host and in a VM. */
import {
  CONTAINER_MEMORY,
  CONTAINER_PROCESSOR,
  type ContainerProcessor,
} from "../../../hcs/schema/container.ts";
import type { ModifySettingRequest } from "../../../hcs/schema/modify.ts";
import { SpecError, type SpecWarning } from "../../../oci/errors.ts";
import { isObject, optionalBoolean, optionalString, type JsonObject } from "../../../oci/json.ts";
import { pipeName } from "../../../oci/windows/mounts.ts";
import { availableCount, checkAffinity } from "../../../oci/windows/resources.ts";
import {
  readWindowsResources,
  type GroupAffinity,
  type WindowsResources,
} from "../../../oci/windows/spec.ts";
import { ShimError } from "../../errors.ts";

/** A container that is to be changed. */
export interface UpdateTarget {
  readonly id: string;
  readonly build: number;
  /** Those it can have. */
  readonly processors: number;
  modify(request: ModifySettingRequest, signal: AbortSignal): Promise<void>;
  /** Absent where processors cannot be chosen. */
  setAffinity?(affinity: readonly GroupAffinity[], signal: AbortSignal): Promise<void>;
  addMount(mount: HotMount, signal: AbortSignal): Promise<void>;
  warn(warnings: readonly SpecWarning[]): void;
}

/** A directory or file of the host that a running container gets. */
export interface HotMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
}

type Update = (target: UpdateTarget, resources: JsonObject, signal: AbortSignal) => Promise<void>;

/** Kind of resources (last part of the type URL) → what is done. */
const UPDATES: Readonly<Record<string, Update>> = {
  WindowsResources: updateResources,
  ContainerMount: (target, mount, signal) => target.addMount(hotMount(target, mount), signal),
};

export async function updateWindowsContainer(
  target: UpdateTarget,
  kind: string,
  resources: unknown,
  signal: AbortSignal,
): Promise<void> {
  const update = Object.hasOwn(UPDATES, kind) ? UPDATES[kind] : undefined;
  if (update === undefined || !isObject(resources)) {
    throw new SpecError({
      at: "resources",
      rule: `must be ${Object.keys(UPDATES).join(" or ")} for Windows container "${target.id}"`,
      value: kind,
    });
  }
  await update(target, resources, signal);
}

/** The first build that changes processors of a container that exists. */
const PROCESSOR_UPDATE_BUILD = 19042;
const HOT_MOUNT_BUILD = 17763;
const MEBIBYTE = 1024 ** 2;

async function updateResources(
  target: UpdateTarget,
  document: JsonObject,
  signal: AbortSignal,
): Promise<void> {
  const at = "/resources";
  const resources = readWindowsResources(document, at);
  const warnings: SpecWarning[] = [];
  // Everything is checked before anything is changed.
  const memoryMb = evenMebibytes(resources.memoryLimit, warnings);
  const processor = isObject(document["cpu"]) ? processorUpdate(target, resources, warnings) : undefined;
  const affinity = resources.cpuAffinity ?? [];
  checkAffinity(affinity, target.build, `${at}/cpu`);
  if (affinity.length > 0 && target.setAffinity === undefined)
    throw unsupported(target, "processors of a container in a VM cannot be chosen");
  target.warn(warnings);
  if (memoryMb !== undefined) await change(target, CONTAINER_MEMORY, memoryMb, signal);
  if (processor !== undefined) await change(target, CONTAINER_PROCESSOR, processor, signal);
  if (affinity.length > 0) await target.setAffinity?.(affinity, signal);
}

function change(
  target: UpdateTarget,
  ResourcePath: string,
  Settings: unknown,
  signal: AbortSignal,
): Promise<void> {
  return target.modify({ ResourcePath, RequestType: "Update", Settings }, signal);
}

function evenMebibytes(bytes: number | undefined, warnings: SpecWarning[]): number | undefined {
  if (bytes === undefined) return undefined;
  const floored = Math.floor(bytes / MEBIBYTE);
  if (floored % 2 === 0) return floored;
  warnings.push({
    kind: "memory-aligned-to-even-MB",
    at: "/resources/memory/limit",
    message: `raised to ${floored + 1} MiB: sizes are even`,
    value: String(bytes),
  });
  return floored + 1;
}

/** @returns undefined when only the choice of processors changes */
function processorUpdate(
  target: UpdateTarget,
  { cpuCount, cpuMaximum, cpuShares, cpuAffinity }: WindowsResources,
  warnings: SpecWarning[],
): ContainerProcessor | undefined {
  const given = [cpuCount, cpuMaximum, cpuShares].filter((value) => value !== undefined).length;
  if (given > 1 || (given === 0 && cpuAffinity === undefined)) {
    throw new SpecError({
      at: "/resources/cpu",
      rule: "must have one of count, maximum and shares, or affinity",
      value: { count: cpuCount, maximum: cpuMaximum, shares: cpuShares },
    });
  }
  if (target.build < PROCESSOR_UPDATE_BUILD)
    throw unsupported(target, `it needs build ${PROCESSOR_UPDATE_BUILD}, this host has ${target.build}`);
  if (given === 0) return undefined;
  return {
    ...(cpuCount === undefined ? {} : { Count: availableCount({ warnings }, cpuCount, target.processors) }),
    ...(cpuMaximum === undefined ? {} : { Maximum: cpuMaximum }),
    ...(cpuShares === undefined ? {} : { Weight: cpuShares }),
  };
}

const NOT_ON_THE_HOST = ["sandbox://", "sandbox-tmp://", "hugepages://", "uvm://"];

function hotMount(target: UpdateTarget, mount: JsonObject): HotMount {
  const text = (member: string): string => optionalString(mount, member, "/resources") ?? "";
  const hostPath = text("HostPath");
  const containerPath = text("ContainerPath");
  const refuse = (member: string, rule: string): SpecError =>
    new SpecError({ at: `/resources/${member}`, rule, value: mount[member] });
  if (target.build < HOT_MOUNT_BUILD)
    throw unsupported(target, `mounts need build ${HOT_MOUNT_BUILD}, this host has ${target.build}`);
  if (hostPath === "") throw refuse("HostPath", "must not be empty");
  if (containerPath === "") throw refuse("ContainerPath", "must not be empty");
  if (text("Type") !== "") throw refuse("Type", "must be empty: only files and directories are added");
  if (pipeName(hostPath) !== undefined || NOT_ON_THE_HOST.some((scheme) => hostPath.startsWith(scheme)))
    throw refuse("HostPath", "must be a file or directory of the host");
  return { hostPath, containerPath, readOnly: optionalBoolean(mount, "ReadOnly", "/resources") ?? false };
}

function unsupported({ id }: UpdateTarget, why: string): ShimError {
  return new ShimError("UNSUPPORTED", `cannot update container "${id}": ${why}`);
}
