/** Layer and disk calls of the scripted machine. */
import { HcsError } from "../errors.ts";
import { HRESULT } from "../hresult-table.ts";
import type { ParentLayer, WindowsLayers } from "../port/layers.ts";
import type { LayerData } from "../schema/layers.ts";
import type { TraceEntry } from "./recorder.ts";
import { lookUp } from "./files.ts";
import type { Machine } from "./machine.ts";

export class ScriptedLayers implements WindowsLayers {
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  createScratch = async (path: string, parents: readonly ParentLayer[]): Promise<void> =>
    this.#attempt({
      call: "CreateSandboxLayer",
      layers: parents.map(({ id, path: layer }) => ({ id, path: layer })),
      path,
    });

  activate = async (path: string): Promise<void> => this.#attempt({ call: "ActivateLayer", path });

  prepare = async (path: string, parents: readonly ParentLayer[]): Promise<void> =>
    this.#attempt({
      call: "PrepareLayer",
      layers: parents.map(({ id, path: layer }) => ({ id, path: layer })),
      path,
    });

  async mountPath(path: string): Promise<string> {
    const result = lookUp(this.#machine.platform.scratchVolumes ?? {}, path);
    this.#attempt({ call: "GetLayerMountPath", path, result });
    if (result !== undefined) return result;
    throw new HcsError({
      operation: "find the volume of layer",
      target: path,
      hresult: HRESULT.fileNotFound,
    });
  }

  unprepare = async (path: string): Promise<void> => this.#attempt({ call: "UnprepareLayer", path });

  deactivate = async (path: string): Promise<void> => this.#attempt({ call: "DeactivateLayer", path });

  attachOverlayFilter = async (volumePath: string, layerData: LayerData): Promise<void> =>
    this.#attempt({ call: "HcsAttachOverlayFilter", layerData, volumePath });

  detachOverlayFilter = async (volumePath: string, layerData: LayerData): Promise<void> =>
    this.#attempt({ call: "HcsDetachOverlayFilter", layerData, volumePath });

  mountCim = async (cim: string, flags: number, volumeId: string): Promise<void> =>
    this.#attempt({ call: "CimMountImage", cim, flags, volume: volumeId });

  mountMergedCims = async (cims: readonly string[], flags: number, volumeId: string): Promise<void> =>
    this.#attempt({ call: "CimMergeMountImage", cims, flags, volume: volumeId });

  dismountCim = async (volumePath: string): Promise<void> =>
    this.#attempt({ call: "CimDismountImage", volume: volumePath });

  setVirtualDiskIdentifier = async (path: string, id: string): Promise<void> =>
    this.#attempt({ call: "SetVirtualDiskIdentifier", id, path });

  setVolumeMountPoint = async (directory: string, volumePath: string): Promise<void> =>
    this.#attempt({ call: "SetVolumeMountPoint", dir: directory, volume: volumePath });

  deleteVolumeMountPoint = async (directory: string): Promise<void> =>
    this.#attempt({ call: "DeleteVolumeMountPoint", dir: directory });

  #attempt(entry: TraceEntry): void {
    this.#machine.recorder.attempt(entry);
  }
}
