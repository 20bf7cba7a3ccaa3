/**
 * What a plan takes for granted about a machine it has never seen: layers where nobody named them, files that are named
 * are there, and ids that only a real machine makes up.
 */
import { win32 } from "node:path";
import type { HostFile } from "../../hcs/port/files.ts";
import type { HostEntry, Platform } from "../../hcs/scripted/platform.ts";
import { isObject, type JsonObject } from "../../oci/json.ts";
import type { PodPlanInput } from "./rehearse.ts";

export interface PlannedHost {
  /** Windows build number. */
  readonly build: number;
  readonly processors: number;
}

export const PROGRAM_DIRECTORY = "C:\\Program Files\\containerd-shim-runhcs";
const LINUX_BOOT = "C:\\Program Files\\Linux Containers";
/** Layers of images, and scratches, where a spec names none. */
const BASE_LAYER = "C:\\layers\\base";
const GUEST_ID = "11111111-1111-4111-8111-111111111111";

export function platformOf({ tasks }: PodPlanInput, host: PlannedHost): Platform {
  return {
    windowsBuild: host.build,
    hostProcessors: host.processors,
    vmRuntimeId: "00000000-aaaa-4000-8000-000000000000",
    driveVolumes: { "C:": "\\\\?\\Volume{00000000-0000-4000-8000-00000000000c}" },
    fileBindingSupported: true,
    scratchVolumes: Object.fromEntries(
      tasks.map(({ id, document }, index) => [scratchOf(id, document), volumeOf(index)]),
    ),
    containerSystemGuids: Object.fromEntries(tasks.map(({ id }) => [id, GUEST_ID])),
    namespaces: tasks.flatMap(({ document }) => namespacesOf(document)).map((id) => ({ id })),
  };
}

function volumeOf(index: number): string {
  return `\\\\?\\Volume{00000000-0000-4000-8000-${String(index + 1).padStart(12, "0")}}`;
}

/** Root file systems as a snapshotter hands them over; none where the spec has its layers itself. */
export function layersOf(
  id: string,
  document: JsonObject,
): { type: string; source: string; target: string; options: string[] }[] {
  if (layerFolders(document).length > 0) return [];
  const type = "linux" in document ? "lcow-layer" : "windows-layer";
  const options = ["rw", `parentLayerPaths=${JSON.stringify([BASE_LAYER])}`];
  return [{ type, source: scratchOf(id, document), target: "", options }];
}

/** The lowest layer of each task. */
export function baseLayersOf({ tasks }: PodPlanInput): string[] {
  return tasks.map(({ document }) => layerFolders(document).at(-2) ?? BASE_LAYER);
}

function scratchOf(id: string, document: JsonObject): string {
  return layerFolders(document).at(-1) ?? `C:\\layers\\${id}`;
}

function layerFolders({ windows }: JsonObject): string[] {
  const folders = isObject(windows) ? windows["layerFolders"] : undefined;
  return Array.isArray(folders) ? folders.filter((folder) => typeof folder === "string") : [];
}

function namespacesOf({ windows }: JsonObject): string[] {
  const network = isObject(windows) && isObject(windows["network"]) ? windows["network"] : {};
  const id = network["networkNamespace"];
  return typeof id === "string" && id !== "" ? [id] : [];
}

export function bootFiles(): HostEntry[] {
  return ["kernel", "initrd.img"].map((name) => ({ path: `${LINUX_BOOT}\\${name}`, size: 1 }));
}

/** Boot files of the newer kind, that a directory may have instead. */
const OTHER_BOOT_FILES = new Set(["vmlinux", "rootfs.vhd"]);
const SIZE = 64 * 1024 ** 2;

/**
 * A name with an extension is a file, any other a directory.
 *
 * @param baseLayers see {@link baseLayersOf}
 */
export function assumedFile(path: string, baseLayers: readonly string[]): HostFile | undefined {
  const name = win32.basename(path).toLowerCase();
  if (OTHER_BOOT_FILES.has(name)) return undefined;
  // Programs of the host are searched for: they are where they belong, not beside a container's own.
  if (/^C:\\hpc\\[^\\]+\.exe$/i.test(path)) return undefined;
  if (name === "kernel" || win32.extname(name) !== "") return { kind: "file", size: SIZE };
  // Of the layers of an image, the lowest has the files of a VM.
  const isUtilityVm = /\\UtilityVM(?:\\|$)/i.test(path);
  const isOfBase = baseLayers.some((layer) => path.toLowerCase().startsWith(`${layer.toLowerCase()}\\`));
  if (isUtilityVm && !isOfBase) return undefined;
  return { kind: "directory", size: 0 };
}
