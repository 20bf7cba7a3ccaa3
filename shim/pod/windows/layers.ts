/** What is known of a root file system before anything is mounted, wherever its container runs. */
import type { HostFiles } from "../../../hcs/port/files.ts";
import type { ParentLayer, WindowsLayers } from "../../../hcs/port/layers.ts";
import type { Layer } from "../../../hcs/schema/layers.ts";
import { joinPath } from "../../../oci/documents/paths.ts";
import { layerId } from "../../../oci/windows/layer-id.ts";
import { resolveLayerChain, type LayerReader } from "../../../oci/windows/layer-chain.ts";
import { imageLayers, type ImageLayers } from "../../../oci/windows/layers.ts";
import { volumeId, withBackslash } from "../../../oci/windows/volume.ts";
import { ShimError } from "../../errors.ts";
import type { CreateRequest } from "../request.ts";

/** A root file system that is in place, as a container's document has it. */
export interface MountedLayers {
  /** A volume of the host, or a path in the guest. */
  readonly rootPath: string;
  readonly layers: readonly Layer[];
}

/**
 * What a request's root file system is made of. A scratch for which nobody names parents tells them itself, where it is
 * of a store that keeps them (`layerchain.json`).
 *
 * @throws {SpecError} when there is no root file system, or it is not one of Windows layers
 */
export async function requestedLayers(
  { rootfs, spec }: Pick<CreateRequest, "rootfs" | "spec">,
  files: Pick<HostFiles, "stat" | "readFile">,
  signal: AbortSignal,
): Promise<ImageLayers> {
  const layers = imageLayers(rootfs, spec.windows?.layerFolders ?? []);
  if (layers.kind !== "folders" || layers.parents.length > 0) return layers;
  const { parents } = await resolveLayerChain(layers.scratch, layerReader(files, signal));
  return { ...layers, parents };
}

/** The host's files, as far as layers are looked at. */
export function layerReader(files: Pick<HostFiles, "stat" | "readFile">, signal: AbortSignal): LayerReader {
  return {
    kindOf: async (path) => (await files.stat(path, { signal }))?.kind,
    readText: async (path) => Buffer.from(await files.readFile(path, { signal })).toString("utf8"),
  };
}

export const SCRATCH_DISK = "sandbox.vhdx";

export interface ScratchHost {
  readonly name: string;
  readonly files: Pick<HostFiles, "stat" | "makeDirectory">;
  /** Absent where the host has no Windows layers. */
  readonly layers?: WindowsLayers;
}

/**
 * Snapshots that were made to be looked at have no writable disk yet. The snapshotter removes it with the snapshot.
 *
 * @throws {ShimError} HOST_UNFIT when the disk is missing and this host cannot make one
 */
export async function ensureScratch(
  { name, files, layers }: ScratchHost,
  path: string,
  parents: readonly ParentLayer[],
  signal: AbortSignal,
): Promise<void> {
  if ((await files.stat(joinPath(path, SCRATCH_DISK), { signal })) !== undefined) return;
  if (layers === undefined) {
    throw new ShimError(
      "HOST_UNFIT",
      `cannot create a scratch disk in "${path}": this host (${name}) has no Windows layers; prepare the snapshot with its ${SCRATCH_DISK}`,
    );
  }
  await files.makeDirectory(path, { signal });
  await layers.createScratch(path, parents, { signal });
}

export function parentLayers(folders: readonly string[]): ParentLayer[] {
  return folders.map((path) => ({ id: layerId(path), path }));
}

/**
 * A root that the client has mounted itself: the layers only tell what it is made of.
 *
 * @throws {SpecError} when it is made of CIMs and is no volume
 */
export function mountedByClient(rootPath: string, layers: ImageLayers): MountedLayers {
  if (layers.kind !== "folders") {
    return { rootPath, layers: [{ Id: volumeId(rootPath, "/root/path"), Path: withBackslash(rootPath) }] };
  }
  const parents = parentLayers(layers.parents);
  return { rootPath, layers: parents.map(({ id, path }) => ({ Id: id, Path: path })) };
}
