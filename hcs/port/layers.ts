/**
 * Windows image layers and the disks around them: vmcompute's layer calls, computestorage, the CIM functions and
 * virtdisk. Hosts that cannot run Windows containers have none of it.
 */
import type { CallOptions } from "./call.ts";
import type { LayerData } from "../schema/layers.ts";

/** A read-only layer: its directory and the id the filter driver knows it by (`NameToGuid` of its name). */
export interface ParentLayer {
  /** Lower-case GUID. */
  readonly id: string;
  readonly path: string;
}

export interface WindowsLayers {
  /** CreateSandboxLayer: makes the disk of a writable layer (`sandbox.vhdx`) in the directory at `path`. */
  createScratch(path: string, parents: readonly ParentLayer[], options?: CallOptions): Promise<void>;
  /** ActivateLayer: attaches the scratch disk of the writable layer at `path`. */
  activate(path: string, options?: CallOptions): Promise<void>;
  /** PrepareLayer: mounts the filter over it, uppermost parent first. */
  prepare(path: string, parents: readonly ParentLayer[], options?: CallOptions): Promise<void>;
  /** GetLayerMountPath: `\\?\Volume{…}`, without a backslash at the end. */
  mountPath(path: string, options?: CallOptions): Promise<string>;
  unprepare(path: string, options?: CallOptions): Promise<void>;
  deactivate(path: string, options?: CallOptions): Promise<void>;
  /** HcsAttachOverlayFilter. */
  attachOverlayFilter(volumePath: string, layerData: LayerData, options?: CallOptions): Promise<void>;
  /** HcsDetachOverlayFilter. */
  detachOverlayFilter(volumePath: string, layerData: LayerData, options?: CallOptions): Promise<void>;
  /** CimMountImage: `cim` is the path of the image, `volumeId` the GUID its volume gets. */
  mountCim(cim: string, flags: number, volumeId: string, options?: CallOptions): Promise<void>;
  /** CimMergeMountImage: `cims` are the merged image and then its sources, uppermost first. */
  mountMergedCims(
    cims: readonly string[],
    flags: number,
    volumeId: string,
    options?: CallOptions,
  ): Promise<void>;
  /** CimDismountImage, by volume path `\\?\Volume{…}\`. */
  dismountCim(volumePath: string, options?: CallOptions): Promise<void>;
  /** SetVirtualDiskInformation with an identifier: a lower-case GUID. */
  setVirtualDiskIdentifier(path: string, id: string, options?: CallOptions): Promise<void>;
  /** SetVolumeMountPoint; `directory` and `volumePath` end with a backslash. */
  setVolumeMountPoint(directory: string, volumePath: string, options?: CallOptions): Promise<void>;
  /** DeleteVolumeMountPoint. */
  deleteVolumeMountPoint(directory: string, options?: CallOptions): Promise<void>;
}
