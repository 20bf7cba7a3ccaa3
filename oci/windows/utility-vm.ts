/** Where the operating system of a Windows VM is: in a folder of the image's layers. */
import { win32, type PlatformPath } from "node:path";
import { SpecError } from "../errors.ts";
import type { LayerReader } from "./layer-chain.ts";

export interface UtilityVmSearch {
  /** The spec's own word (`windows.hyperv.utilityVMPath`); nothing is searched then. */
  readonly explicit?: string | undefined;
  /** The VM's disk, where it may have been made already. */
  readonly scratch: string;
  /** Rules of the host's paths; those of Windows unless said otherwise. */
  readonly paths?: PlatformPath;
}

/** Folder of a layer with the operating system of a VM. */
const UTILITY_VM = "UtilityVM";
const FILES = "Files";
/** The disk that a VM's scratch begins as. */
export const SCRATCH_TEMPLATE = "SystemTemplate.vhdx";

/**
 * The folder that a VM can boot from: that of the uppermost layer which has one, as the platform's own tools choose.
 *
 * @param layers uppermost first
 * @throws {SpecError} (failed precondition) naming every folder that was looked at, and what it lacks
 */
export async function findUtilityVm(
  layers: readonly string[],
  reader: LayerReader,
  { explicit, scratch, paths = win32 }: UtilityVmSearch,
): Promise<string> {
  const candidates =
    explicit === undefined ? layers.map((layer) => paths.join(layer, UTILITY_VM)) : [explicit];
  const reasons: string[] = [];
  for (const folder of candidates) {
    const problem = await problemOf(folder, reader, scratch, paths);
    if (problem === undefined) return folder;
    reasons.push(`${folder} ${problem}`);
  }
  throw new SpecError({
    at: explicit === undefined ? "rootfs option parentLayerPaths" : "/windows/hyperv/utilityVMPath",
    rule: `has no files of a VM, the image is not made for hypervisor isolation: ${reasons.join("; ") || "there are no layers"}`,
    refusal: "failed precondition",
  });
}

/** Why a VM cannot boot from this folder. */
async function problemOf(
  folder: string,
  reader: LayerReader,
  scratch: string,
  paths: PlatformPath,
): Promise<string | undefined> {
  if ((await reader.kindOf(folder)) !== "directory") return "is not there";
  if ((await reader.kindOf(paths.join(folder, FILES))) !== "directory") return `has no ${FILES}`;
  const template = paths.join(folder, SCRATCH_TEMPLATE);
  if ((await reader.kindOf(template)) !== undefined || (await reader.kindOf(scratch)) !== undefined)
    return undefined;
  return `has no ${SCRATCH_TEMPLATE}, and ${scratch} was not made yet`;
}
