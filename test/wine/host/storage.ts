/** Answers the calls of the stand-ins that layers, CIMs and disks are made with. */
import type { ParentLayer, WindowsLayers } from "../../../hcs/port/layers.ts";
import type { LayerData } from "../../../hcs/schema/layers.ts";
import type { Call, Handler, Handlers, RigMachine } from "./call.ts";
import { immediate } from "./operations.ts";

function layersOf({ backend }: RigMachine): WindowsLayers {
  if (backend.layers !== undefined) return backend.layers;
  throw new Error(`the machine (${backend.name}) has no Windows layers`);
}

/** A call on the layer at field `path`. */
function onLayer(
  work: (layers: WindowsLayers, path: string, parents: ParentLayer[]) => Promise<void>,
): Handler {
  return immediate(async (call, machine) => {
    await work(layersOf(machine), call.text("path") ?? "", parentsOf(call));
    return {};
  });
}

function parentsOf(call: Call): ParentLayer[] {
  const count = call.has("count") ? call.number("count") : 0;
  return Array.from({ length: count }, (_, index) => ({
    id: call.text(`id${index}`) ?? "",
    path: call.text(`path${index}`) ?? "",
  }));
}

function onVolume(
  work: (layers: WindowsLayers, volumePath: string, data: LayerData) => Promise<void>,
): Handler {
  return immediate(async (call, machine) => {
    await work(layersOf(machine), call.text("volumePath") ?? "", call.json("layerData") as LayerData);
    return {};
  });
}

const volumePathOf = (call: Call): string => `\\\\?\\Volume{${call.text("volume")}}\\`;

/** The disk that was opened last: its information is set right after. */
let openDisk = "";

/** vmcompute.dll */
export const LAYER_HANDLERS: Handlers = {
  CreateSandboxLayer: onLayer((layers, path, parents) => layers.createScratch(path, parents)),
  ActivateLayer: onLayer((layers, path) => layers.activate(path)),
  PrepareLayer: onLayer((layers, path, parents) => layers.prepare(path, parents)),
  UnprepareLayer: onLayer((layers, path) => layers.unprepare(path)),
  DeactivateLayer: onLayer((layers, path) => layers.deactivate(path)),
  GetLayerMountPath: immediate(async (call, machine) => ({
    // The real one ends with a backslash.
    volume: `${await layersOf(machine).mountPath(call.text("path") ?? "")}\\`,
  })),
  GrantVmAccess: immediate(async (call, { backend }) => {
    await backend.storage.grantVmAccess(call.text("vmId") ?? "", call.text("path") ?? "");
    return {};
  }),
};

/** computestorage.dll */
export const OVERLAY_HANDLERS: Handlers = {
  HcsAttachOverlayFilter: onVolume((layers, path, data) => layers.attachOverlayFilter(path, data)),
  HcsDetachOverlayFilter: onVolume((layers, path, data) => layers.detachOverlayFilter(path, data)),
};

/** cimfs.dll */
export const CIM_HANDLERS: Handlers = {
  CimMountImage: immediate(async (call, machine) => {
    const volume = call.text("volume") ?? "";
    await layersOf(machine).mountCim(call.text("0") ?? "", call.number("flags"), volume);
    return {};
  }),
  CimMergeMountImage: immediate(async (call, machine) => {
    const cims = Array.from({ length: call.number("count") }, (_, index) => call.text(String(index)) ?? "");
    await layersOf(machine).mountMergedCims(cims, call.number("flags"), call.text("volume") ?? "");
    return {};
  }),
  CimDismountImage: immediate(async (call, machine) => {
    await layersOf(machine).dismountCim(volumePathOf(call));
    return {};
  }),
};

/** virtdisk.dll */
export const DISK_HANDLERS: Handlers = {
  OpenVirtualDisk: immediate(async (call) => {
    openDisk = call.text("path") ?? "";
    return {};
  }),
  SetVirtualDiskInformation: immediate(async (call, machine) => {
    await layersOf(machine).setVirtualDiskIdentifier(openDisk, call.text("id") ?? "");
    return {};
  }),
};
