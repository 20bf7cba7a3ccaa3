/** What a Windows VM boots from: files of its pod's layers, or of this installation for confidential pods. */
import type { PlatformPath } from "node:path";
import type { HcsBackend } from "../../../hcs/api.ts";
import { SpecError } from "../../../oci/errors.ts";
import type { WindowsVmBoot } from "../../../oci/documents/windows-vm.ts";
import type { WindowsVmOptions } from "../../../oci/documents/windows-vm-options.ts";
import type { ImageLayers } from "../../../oci/windows/layers.ts";
import { findUtilityVm, SCRATCH_TEMPLATE } from "../../../oci/windows/utility-vm.ts";
import { layerReader } from "../windows/layers.ts";

export interface BootFilesRequest {
  /** `<pod id>@vm`. */
  readonly vmId: string;
  readonly bundle: string;
  readonly layers: ImageLayers;
  readonly options: WindowsVmOptions;
  /** The spec's own word about where the VM's files are. */
  readonly utilityVmPath: string | undefined;
  readonly backend: HcsBackend;
  /** Rules of the host's paths. */
  readonly paths: PlatformPath;
}

const SCRATCH = "sandbox.vhdx";
/** Marks a disk that its guest is to format. */
const UNFORMATTED_DISK_ID = "a7b3c5d1-4e2f-4a8b-9c6d-1e3f5a7b9c2d";
/** The one directory that a confidential VM shares; it stays empty. */
const EMPTY_DIRECTORY = "EmptyDoNotModify";
const EFI_DISK = "boot.vhd";
const BOOT_CIM = "rootfs.vhd";

/** Finds the files, makes those that are the VM's own, and lets the VM open them. @throws {SpecError} */
export function prepareBootFiles(request: BootFilesRequest, signal: AbortSignal): Promise<WindowsVmBoot> {
  return request.options.confidential === undefined
    ? plainBoot(request, signal)
    : confidentialBoot(request, request.options.confidential, signal);
}

async function plainBoot(request: BootFilesRequest, signal: AbortSignal): Promise<WindowsVmBoot> {
  const { vmId, backend, paths, layers } = request;
  if (layers.kind !== "folders") {
    throw new SpecError({
      at: "rootfs/0/type",
      rule: "must be windows-layer in a utility VM: layers of block CIMs need a confidential pod, forked CIMs cannot boot",
      value: layers.kind,
    });
  }
  const directory = paths.join(layers.scratch, "vm");
  const scratch = paths.join(directory, SCRATCH);
  const reader = layerReader(backend.files, signal);
  const folder = await findUtilityVm(layers.parents, reader, {
    explicit: request.utilityVmPath,
    scratch,
    paths,
  });
  if ((await backend.files.stat(scratch, { signal })) === undefined) {
    await backend.files.makeDirectory(directory, { signal });
    await backend.files.copyFile(paths.join(folder, SCRATCH_TEMPLATE), scratch, { signal });
  }
  await backend.storage.grantVmAccess(vmId, scratch, { signal });
  return { kind: "vmbfs", osFiles: paths.join(folder, "Files"), scratch };
}

async function confidentialBoot(
  request: BootFilesRequest,
  confidential: NonNullable<WindowsVmOptions["confidential"]>,
  signal: AbortSignal,
): Promise<WindowsVmBoot> {
  const { vmId, bundle, layers, options, backend, paths } = request;
  const { files, storage } = backend;
  if (layers.kind !== "block-cims") {
    throw new SpecError({
      at: "rootfs/0/type",
      rule: "must be BlockCIM for a confidential pod",
      value: layers.kind,
    });
  }
  const grant = (path: string): Promise<void> => storage.grantVmAccess(vmId, path, { signal });
  /** The VM writes to it: each has a copy of its own, always a fresh one. */
  const copyBesideScratch = async (file: string): Promise<string> => {
    const copy = paths.join(layers.scratch, paths.basename(file));
    await files.remove(copy, { signal });
    await files.copyFile(file, copy, { signal });
    return copy;
  };
  const guestState = await copyBesideScratch(confidential.guestState);
  await grant(guestState);
  const efiTemplate = paths.join(confidential.bootFiles, EFI_DISK);
  const efi = options.writableEfi ? await copyBesideScratch(efiTemplate) : efiTemplate;
  const bootCim = paths.join(confidential.bootFiles, BOOT_CIM);
  const scratch = paths.join(layers.scratch, SCRATCH);
  const emptyDirectory = paths.join(bundle, EMPTY_DIRECTORY);
  await grant(efi);
  await grant(bootCim);
  await grant(scratch);
  await requireLayers(backend).setVirtualDiskIdentifier(scratch, UNFORMATTED_DISK_ID, { signal });
  await files.makeDirectory(emptyDirectory, { signal });
  await grant(emptyDirectory);
  return { kind: "block-cim", scratch, efi, bootCim, guestState, emptyDirectory };
}

function requireLayers(backend: HcsBackend): NonNullable<HcsBackend["layers"]> {
  if (backend.layers !== undefined) return backend.layers;
  throw new SpecError({ at: "rootfs", rule: "needs a host that has Windows layers" });
}
