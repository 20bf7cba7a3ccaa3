/** The layers of a Windows container's root file system, by the way they are stored. */
import { win32 } from "node:path";
import { SpecError } from "../errors.ts";
import { pathsOption, rootfsSource, textOption, type RootfsMount } from "../rootfs.ts";

/** Folders that a filter driver merges. */
export interface FolderLayers {
  readonly kind: "folders";
  /** The writable layer. */
  readonly scratch: string;
  /** Uppermost first. */
  readonly parents: readonly string[];
}

/** One CIM per layer, linked to those below it; registry hives and boot files are in folders beside. */
export interface ForkedCimLayers {
  readonly kind: "forked-cims";
  readonly scratch: string;
  /** Uppermost first, never empty. */
  readonly parents: readonly { readonly folder: string; readonly cim: string }[];
}

/** A CIM inside a block device, or a file that stands for one. */
export interface BlockCim {
  /** The device or file. */
  readonly blockPath: string;
  readonly name: string;
}

export interface BlockCimLayers {
  readonly kind: "block-cims";
  readonly scratch: string;
  readonly block: "device" | "file";
  /** Uppermost first, never empty. */
  readonly parents: readonly BlockCim[];
  /** All parents in one; there when there are several. */
  readonly merged?: BlockCim;
}

export type ImageLayers = FolderLayers | ForkedCimLayers | BlockCimLayers;

const FORMS: Readonly<Record<string, (mount: RootfsMount) => ImageLayers>> = {
  "windows-layer": (mount) => ({
    kind: "folders",
    scratch: mount.source,
    parents: pathsOption(mount, "parentLayerPaths"),
  }),
  CimFS: forkedCims,
  BlockCIM: blockCims,
};

/** @throws {SpecError} when there is no root file system, or it is not one of Windows layers */
export function imageLayers(rootfs: readonly RootfsMount[], layerFolders: readonly string[]): ImageLayers {
  const source = rootfsSource(rootfs, layerFolders);
  if (source.from === "folders") return { kind: "folders", scratch: source.scratch, parents: source.layers };
  const { mount } = source;
  const form = Object.hasOwn(FORMS, mount.type) ? FORMS[mount.type] : undefined;
  if (form !== undefined) return form(mount);
  throw new SpecError({
    at: "rootfs/0/type",
    rule: `unsupported mount type: must be one of ${Object.keys(FORMS).join(", ")} for a Windows container`,
    value: mount.type,
  });
}

function forkedCims(mount: RootfsMount): ForkedCimLayers {
  const folders = pathsOption(mount, "parentLayerPaths");
  const cims = pathsOption(mount, "parentCimPaths");
  if (folders.length !== cims.length || folders.length === 0) {
    throw new SpecError({
      at: "rootfs option parentCimPaths",
      rule: "must name a CIM for each of parentLayerPaths, one at least",
      value: { parentLayerPaths: folders, parentCimPaths: cims },
    });
  }
  return {
    kind: "forked-cims",
    scratch: mount.source,
    parents: folders.map((folder, index) => ({ folder, cim: cims[index] ?? "" })),
  };
}

function blockCims(mount: RootfsMount): BlockCimLayers {
  const parents = pathsOption(mount, "parentCimPaths").map(blockCim);
  if (parents.length === 0)
    throw new SpecError({ at: "rootfs option parentCimPaths", rule: "must name a CIM at least" });
  const block = textOption(mount, "blockCIMType");
  if (block !== "device" && block !== "file")
    throw new SpecError({
      at: "rootfs option blockCIMType",
      rule: 'must be "device" or "file"',
      value: block,
    });
  const merged = textOption(mount, "mergedCIMPath") ?? "";
  if (parents.length > 1 && merged === "") {
    throw new SpecError({
      at: "rootfs option mergedCIMPath",
      rule: "must name the merged CIM when there are several parents",
      value: parents.length,
    });
  }
  return {
    kind: "block-cims",
    scratch: mount.source,
    block,
    parents,
    ...(parents.length > 1 ? { merged: blockCim(merged) } : {}),
  };
}

/** The last component of the path is the CIM's name inside the block device. */
function blockCim(path: string): BlockCim {
  return { blockPath: win32.dirname(path), name: win32.basename(path) };
}
