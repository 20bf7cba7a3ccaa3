/** The disks of a Linux container's root file system: read-only layers, and the scratch that is written to. */
import { joinPath } from "./documents/paths.ts";
import { SpecError } from "./errors.ts";
import { isObject } from "./json.ts";
import { jsonOption, pathsOption, rootfsSource, textOption, type RootfsMount } from "./rootfs.ts";

export interface LinuxLayer {
  /** Path of a disk on the host. */
  readonly path: string;
  /** 0: the whole disk. */
  readonly partition: number;
}

export interface LinuxLayers {
  /** Uppermost first. */
  readonly layers: readonly LinuxLayer[];
  /** Path of a disk on the host; a link where containers share one. */
  readonly scratch: string;
}

const LAYER_FILE = "layer.vhd";
const SCRATCH_FILE = "sandbox.vhdx";
const SCRATCH_OPTION = "scratch";
const PARTITIONS_OPTION = "parent-partitioned-layers";

/** How each type of mount names its disks. */
const MOUNT_TYPES: Readonly<Record<string, (mount: RootfsMount) => LinuxLayers>> = {
  "lcow-layer": (mount) => foldersOf(pathsOption(mount, "parentLayerPaths"), mount.source),
  "lcow-partitioned-layer": partitionsOf,
};

/** @throws {SpecError} for mounts and folders that are no layers of a Linux container */
export function linuxLayers(rootfs: readonly RootfsMount[], layerFolders: readonly string[]): LinuxLayers {
  const source = rootfsSource(rootfs, layerFolders);
  if (source.from === "folders") return foldersOf(source.layers, source.scratch);
  const read = MOUNT_TYPES[source.mount.type];
  if (read !== undefined && Object.hasOwn(MOUNT_TYPES, source.mount.type)) return read(source.mount);
  throw new SpecError({
    at: "rootfs/0/type",
    rule: `must be one of ${Object.keys(MOUNT_TYPES).join(", ")} for a Linux container`,
    value: source.mount.type,
  });
}

function foldersOf(layers: readonly string[], scratch: string): LinuxLayers {
  return {
    layers: layers.map((folder) => ({ path: joinPath(folder, LAYER_FILE), partition: 0 })),
    scratch: joinPath(scratch, SCRATCH_FILE),
  };
}

/** Layers in partitions of disks that images share. Other options, even `rw`, mean something this shim does not know. */
function partitionsOf(mount: RootfsMount): LinuxLayers {
  for (const option of mount.options) {
    const name = option.split("=", 1)[0];
    if (name === SCRATCH_OPTION || name === PARTITIONS_OPTION) continue;
    throw new SpecError({ at: "rootfs/0/options", rule: "has an unknown option", value: option });
  }
  const scratch = textOption(mount, SCRATCH_OPTION) ?? "";
  if (scratch === "") throw new SpecError({ at: `rootfs option ${SCRATCH_OPTION}`, rule: "must be present" });
  return { layers: readPartitions(jsonOption(mount, PARTITIONS_OPTION) ?? []), scratch };
}

function readPartitions(value: unknown): LinuxLayer[] {
  const at = `rootfs option ${PARTITIONS_OPTION}`;
  if (!Array.isArray(value)) throw new SpecError({ at, rule: "must be an array", value });
  return value.map((entry: unknown) => {
    const { Path: path, Partition: partition = 0 } = isObject(entry) ? entry : {};
    if (typeof path !== "string" || path === "" || !isPartition(partition))
      throw new SpecError({ at, rule: "must have entries of a Path and a Partition number", value: entry });
    return { path, partition };
  });
}

function isPartition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
