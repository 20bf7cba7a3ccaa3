/** Layers and the disks around them, on a thread of their own. */
import type { CallOptions } from "../../api.ts";
import type { ParentLayer, WindowsLayers } from "../../port/layers.ts";
import type { LayerData } from "../../schema/layers.ts";
import type { NativeThread, ThreadCalls } from "../threads/native-thread.ts";
import type { LayerCalls } from "./layer-calls.ts";
import type { VolumeCalls } from "./volume-calls.ts";

/**
 * One thread for all: two layers that are prepared at the same time race inside the platform, and a disk that cannot be attached holds
 * up what needs it anyway.
 *
 * A call that was given up while it ran goes on; what it acquires then is released as soon as it has.
 */
export class Win32Layers implements WindowsLayers {
  readonly #layers: ThreadCalls<LayerCalls>;
  readonly #volumes: ThreadCalls<VolumeCalls>;

  constructor(thread: NativeThread) {
    this.#layers = thread.calls<LayerCalls>("layers");
    this.#volumes = thread.calls<VolumeCalls>("volumes");
  }

  createScratch(path: string, parents: readonly ParentLayer[], options?: CallOptions): Promise<void> {
    return this.#layers.createScratch([path, parents], options);
  }

  activate(path: string, options?: CallOptions): Promise<void> {
    return this.#layers.activate([path], { ...options, release: () => this.deactivate(path) });
  }

  prepare(path: string, parents: readonly ParentLayer[], options?: CallOptions): Promise<void> {
    return this.#layers.prepare([path, parents], { ...options, release: () => this.unprepare(path) });
  }

  async mountPath(path: string, options?: CallOptions): Promise<string> {
    const volume = await this.#layers.mountPath([path], options);
    return volume.replace(/\\$/, "");
  }

  unprepare(path: string, options?: CallOptions): Promise<void> {
    return this.#layers.unprepare([path], options);
  }

  deactivate(path: string, options?: CallOptions): Promise<void> {
    return this.#layers.deactivate([path], options);
  }

  attachOverlayFilter(volumePath: string, layerData: LayerData, options?: CallOptions): Promise<void> {
    return this.#volumes.attachOverlayFilter([volumePath, layerData], {
      ...options,
      release: () => this.detachOverlayFilter(volumePath, withoutLayers(layerData)),
    });
  }

  detachOverlayFilter(volumePath: string, layerData: LayerData, options?: CallOptions): Promise<void> {
    return this.#volumes.detachOverlayFilter([volumePath, layerData], options);
  }

  mountCim(cim: string, flags: number, volumeId: string, options?: CallOptions): Promise<void> {
    return this.#volumes.mountCim([cim, flags, volumeId], {
      ...options,
      release: () => this.dismountCim(volumePathOf(volumeId)),
    });
  }

  mountMergedCims(
    cims: readonly string[],
    flags: number,
    volumeId: string,
    options?: CallOptions,
  ): Promise<void> {
    return this.#volumes.mountMergedCims([cims, flags, volumeId], {
      ...options,
      release: () => this.dismountCim(volumePathOf(volumeId)),
    });
  }

  dismountCim(volumePath: string, options?: CallOptions): Promise<void> {
    return this.#volumes.dismountCim([volumePath], options);
  }

  setVirtualDiskIdentifier(path: string, id: string, options?: CallOptions): Promise<void> {
    return this.#volumes.setVirtualDiskIdentifier([path, id], options);
  }

  setVolumeMountPoint(directory: string, volumePath: string, options?: CallOptions): Promise<void> {
    return this.#volumes.setVolumeMountPoint([directory, volumePath], {
      ...options,
      release: () => this.deleteVolumeMountPoint(directory),
    });
  }

  deleteVolumeMountPoint(directory: string, options?: CallOptions): Promise<void> {
    return this.#volumes.deleteVolumeMountPoint([directory], options);
  }
}

function volumePathOf(volumeId: string): string {
  return `\\\\?\\Volume{${volumeId}}\\`;
}

/** What a filter is detached with. */
function withoutLayers({ Layers: _layers, ...filter }: LayerData): LayerData {
  return filter;
}
