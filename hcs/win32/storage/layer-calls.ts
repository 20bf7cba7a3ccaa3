/**
 * Layers of Windows images, as calls that block: vmcompute attaches disks and loads filters, which takes from milliseconds to seconds.
 */
import { Lane } from "../ffi/lane.ts";
import { VMCOMPUTE_LAYERS } from "../ffi/libraries/vmcompute-layers.ts";
import { Library } from "../ffi/library.ts";
import { requireSuccess } from "../ffi/result.ts";
import type { ParentLayer } from "../../port/layers.ts";
import { driverInfo, layerDescriptors } from "./layer-structures.ts";

const vmcompute = new Library(VMCOMPUTE_LAYERS, new Lane("layers", 1));

export const LAYER_CALLS = {
  createScratch(path: string, parents: readonly ParentLayer[]): void {
    const descriptors = layerDescriptors(parents);
    requireSuccess(vmcompute.call("CreateSandboxLayer", driverInfo(), path, 0, descriptors, parents.length), {
      operation: "create scratch layer",
      target: path,
    });
  },

  activate(path: string): void {
    requireSuccess(vmcompute.call("ActivateLayer", driverInfo(), path), {
      operation: "activate layer",
      target: path,
    });
  },

  prepare(path: string, parents: readonly ParentLayer[]): void {
    const descriptors = layerDescriptors(parents);
    requireSuccess(vmcompute.call("PrepareLayer", driverInfo(), path, descriptors, parents.length), {
      operation: "prepare layer",
      target: path,
    });
  },

  /** Empty where the layer has no volume. */
  mountPath(path: string): string {
    const attempt = { operation: "find the volume of layer", target: path };
    // A size_t.
    const length = Buffer.alloc(8);
    requireSuccess(vmcompute.call("GetLayerMountPath", driverInfo(), path, length, null), attempt);
    const characters = Number(length.readBigUInt64LE());
    if (characters === 0) return "";
    const text = Buffer.alloc(characters * 2);
    requireSuccess(vmcompute.call("GetLayerMountPath", driverInfo(), path, length, text), attempt);
    return text.toString("utf16le").replace(/\0.*$/s, "");
  },

  unprepare(path: string): void {
    requireSuccess(vmcompute.call("UnprepareLayer", driverInfo(), path), {
      operation: "unprepare layer",
      target: path,
    });
  },

  deactivate(path: string): void {
    requireSuccess(vmcompute.call("DeactivateLayer", driverInfo(), path), {
      operation: "deactivate layer",
      target: path,
    });
  },

  grantVmAccess(vmId: string, path: string): void {
    requireSuccess(vmcompute.call("GrantVmAccess", vmId, path), {
      operation: `give VM "${vmId}" access to`,
      target: path,
    });
  },
} as const;

export type LayerCalls = typeof LAYER_CALLS;
