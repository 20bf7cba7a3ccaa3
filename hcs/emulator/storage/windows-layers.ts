/**
 * Image layers of Windows and the scratch disks over them: the disk is an ext4 image behind a loop device, mounted below
 * the state directory, and the filter an overlay mount. A scratch has its volume GUID of its path, so that whoever looks
 * for it finds it.
 */
import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import type { CallOptions } from "../../api.ts";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { ParentLayer, WindowsLayers } from "../../port/layers.ts";
import { detachLoopDevice, mount, MS } from "../../posix/libc.ts";
import type { LayerData } from "../../schema/layers.ts";
import type { Calls } from "../calls.ts";
import type { FaultOperation } from "../faults.ts";
import type { WindowsHost } from "../windows/host.ts";
import { parseVolumePath, volumePath } from "../windows/paths.ts";
import { composeDrive, copyBlankDisk, LayerError, scratchPaths } from "../windows/prefix.ts";
import { attachImage } from "./disks.ts";
import { mountsAtOrBelow } from "./mount-table.ts";
import { unmountDirectly } from "./storage.ts";
import { unmountTree } from "./unmount-tree.ts";
import { removeVolume, volumeIdOf } from "./volumes.ts";

const SCRATCH_DISK = "sandbox.vhdx";

export class EmulatedLayers implements WindowsLayers {
  readonly #calls: Calls;
  readonly #host: WindowsHost;

  constructor(calls: Calls, host: WindowsHost) {
    this.#calls = calls;
    this.#host = host;
  }

  createScratch(path: string, parents: readonly ParentLayer[], options?: CallOptions): Promise<void> {
    return this.#run("layers.createScratch", "create scratch layer", path, options, async (subject) => {
      const { template } = await this.#host.require(subject);
      requireParents(parents, subject);
      copyBlankDisk(template, join(path, SCRATCH_DISK));
    });
  }

  activate(path: string, options?: CallOptions): Promise<void> {
    return this.#run("layers.activate", "activate layer", path, options, async (subject) => {
      await this.#host.require(subject);
      const disk = join(path, SCRATCH_DISK);
      if (!existsSync(disk))
        throw new HcsError({ ...subject, hresult: HRESULT.fileNotFound, detail: `"${disk}" does not exist` });
      const directory = this.#directory(path);
      if (mountsAtOrBelow(directory).length > 0)
        throw new HcsError({ ...subject, hresult: HRESULT.alreadyExistsWin32, detail: "it is active" });
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      try {
        mountDisk(disk, directory);
      } catch (error) {
        await removeVolume(directory, unmountDirectly);
        throw error;
      }
    });
  }

  prepare(path: string, parents: readonly ParentLayer[], options?: CallOptions): Promise<void> {
    return this.#run("layers.prepare", "prepare layer", path, options, async (subject) => {
      const { template } = await this.#host.require(subject);
      const directory = this.#requireActive(path, subject);
      const folders = requireParents(parents, subject);
      try {
        composeDrive(directory, folders, template);
      } catch (error) {
        if (!(error instanceof LayerError)) throw error;
        throw new HcsError({
          ...subject,
          hresult: HRESULT.invalidLayer,
          detail: error.message,
          cause: error,
        });
      }
    });
  }

  mountPath(path: string, options?: CallOptions): Promise<string> {
    return this.#run("layers.mountPath", "find the volume of layer", path, options, (subject) => {
      this.#requireActive(path, subject);
      return volumePath(volumeIdOf(path)).slice(0, -1);
    });
  }

  unprepare(path: string, options?: CallOptions): Promise<void> {
    return this.#run("layers.unprepare", "unprepare layer", path, options, async (subject) => {
      await unmountTree(scratchPaths(this.#requireActive(path, subject)).drive, unmountDirectly);
    });
  }

  deactivate(path: string, options?: CallOptions): Promise<void> {
    return this.#run("layers.deactivate", "deactivate layer", path, options, async (subject) => {
      const directory = this.#requireActive(path, subject);
      await removeVolume(directory, unmountDirectly);
    });
  }

  attachOverlayFilter(volume: string, _layers: LayerData, options?: CallOptions): Promise<void> {
    return this.#refuse("layers.attachOverlayFilter", "attach overlay filter to", volume, options);
  }

  detachOverlayFilter(volume: string, _layers: LayerData, options?: CallOptions): Promise<void> {
    return this.#refuse("layers.detachOverlayFilter", "detach overlay filter from", volume, options);
  }

  mountCim(cim: string, _flags: number, _volume: string, options?: CallOptions): Promise<void> {
    return this.#refuse("layers.mountCim", "mount CIM", cim, options);
  }

  mountMergedCims(
    cims: readonly string[],
    _flags: number,
    _volume: string,
    options?: CallOptions,
  ): Promise<void> {
    return this.#refuse("layers.mountCim", "mount merged CIMs", cims.join(", "), options);
  }

  dismountCim(volume: string, options?: CallOptions): Promise<void> {
    return this.#refuse("layers.dismountCim", "dismount CIM", volume, options);
  }

  setVirtualDiskIdentifier(path: string, _id: string, options?: CallOptions): Promise<void> {
    return this.#refuse("layers.setVirtualDiskIdentifier", "set the identifier of", path, options);
  }

  setVolumeMountPoint(directory: string, volume: string, options?: CallOptions): Promise<void> {
    return this.#run(
      "layers.setVolumeMountPoint",
      "mount a volume at",
      directory,
      options,
      async (subject) => {
        const id = parseVolumePath(volume)?.id;
        const source = id === undefined ? "" : scratchPaths(this.#host.volumeDirectory(id)).drive;
        if (!existsSync(source))
          throw new HcsError({
            ...subject,
            hresult: HRESULT.fileNotFound,
            detail: `there is no volume "${volume}"`,
          });
        mount({ source, target: await this.#host.localPath(directory, subject), flags: MS.bind });
      },
    );
  }

  deleteVolumeMountPoint(directory: string, options?: CallOptions): Promise<void> {
    return this.#run("layers.deleteVolumeMountPoint", "unmount", directory, options, async (subject) => {
      await unmountTree(await this.#host.localPath(directory, subject), unmountDirectly);
    });
  }

  #directory(path: string): string {
    return this.#host.volumeDirectory(volumeIdOf(path));
  }

  #requireActive(path: string, subject: Subject): string {
    const directory = this.#directory(path);
    if (mountsAtOrBelow(directory).length > 0) return directory;
    throw new HcsError({ ...subject, hresult: HRESULT.fileNotFound, detail: "it is not active" });
  }

  #refuse(operation: FaultOperation, phrase: string, target: string, options?: CallOptions): Promise<void> {
    return this.#run(operation, phrase, target, options, (subject) => {
      const detail = "layers of the emulator are folders: it mounts no CIMs";
      throw new HcsError({ ...subject, hresult: HRESULT.notSupported, detail });
    });
  }

  #run<T>(
    operation: FaultOperation,
    phrase: string,
    target: string,
    options: CallOptions | undefined,
    body: (subject: Subject) => T | Promise<T>,
  ): Promise<T> {
    return this.#calls.run(operation, { phrase, target, ...options }, () =>
      body({ operation: phrase, target }),
    );
  }
}

interface Subject {
  readonly operation: string;
  readonly target: string;
}

function requireParents(parents: readonly ParentLayer[], subject: Subject): string[] {
  return parents.map(({ path }) => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return path;
    throw new HcsError({
      ...subject,
      hresult: HRESULT.fileNotFound,
      detail: `layer "${path}" does not exist`,
    });
  });
}

/** The loop device is let go of at once: the kernel frees it when the file system is unmounted, whoever does that. */
function mountDisk(image: string, directory: string): void {
  const device = attachImage(image, { readOnly: false, sizeBytes: 0 });
  const node = openSync(device, "r");
  try {
    mount({ source: device, target: directory, type: "ext4", flags: MS.nosuid | MS.nodev });
  } finally {
    detachLoopDevice(node);
    closeSync(node);
  }
}
