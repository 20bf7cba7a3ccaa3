/** The root file system of a container in a Windows VM: its layers shared, its scratch attached, combined by the guest. */
import {
  addConfidentialCombinedLayers,
  addWindowsCombinedLayers,
  removeCombinedLayers,
  removeConfidentialCombinedLayers,
} from "../../../hcs/guest/modify.ts";
import type { WindowsCombinedLayers } from "../../../hcs/guest/resources.ts";
import type { Layer } from "../../../hcs/schema/layers.ts";
import { SpecError } from "../../../oci/errors.ts";
import { layerId } from "../../../oci/windows/layer-id.ts";
import type { BlockCimLayers, FolderLayers } from "../../../oci/windows/layers.ts";
import { asError } from "../../errors.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { VsmbReservation } from "../vm/devices/vsmb.ts";
import { unlessGone } from "../vm/uvm.ts";
import {
  ensureScratch,
  mountedByClient,
  parentLayers,
  requestedLayers,
  SCRATCH_DISK,
  type MountedLayers,
  type ScratchHost,
} from "../windows/layers.ts";
import type { GuestContainerInit } from "./create-container.ts";
import type { WindowsVm } from "./windows-vm.ts";

/**
 * The root file system of a request, unless its client has put it into the guest. What it had acquired when it fails is
 * in the holdings. @throws {SpecError} when there is none, or not in this kind of VM
 */
export async function rootFileSystem(
  { vm, request, pod, holdings }: GuestContainerInit,
  signal: AbortSignal,
): Promise<MountedLayers> {
  const { id, spec } = request;
  const layers = await requestedLayers(request, pod.environment.backend.files, signal);
  const rootPath = spec.root?.path ?? "";
  if (rootPath !== "") return mountedByClient(rootPath, layers);
  const isConfidential = vm.options.confidential !== undefined;
  if (layers.kind === (isConfidential ? "block-cims" : "folders")) {
    return layers.kind === "folders"
      ? combineFolders(vm, id, holdings, layers, pod.environment.backend, signal)
      : combineCims(vm, id, holdings, layers, signal);
  }
  throw new SpecError({
    at: "rootfs/0/type",
    rule: isConfidential
      ? "must be BlockCIM in a confidential pod"
      : "must be windows-layer in a utility VM that is not confidential",
    value: layers.kind,
  });
}

async function combineFolders(
  vm: WindowsVm,
  containerId: string,
  holdings: Holdings,
  { scratch, parents }: FolderLayers,
  host: ScratchHost,
  signal: AbortSignal,
): Promise<MountedLayers> {
  await ensureScratch(host, scratch, parentLayers(parents), signal);
  const layers = await shareFolders(vm, containerId, holdings, parents, signal);
  const rootPath = await attachScratch(vm, holdings, vm.paths.join(scratch, SCRATCH_DISK), signal);
  const combined = { ContainerRootPath: rootPath, Layers: [...layers] };
  await holdings.acquire(
    combinedHolding(vm, rootPath),
    () => vm.uvm.guest.modify(addWindowsCombinedLayers(combined), { signal }),
    (budget) =>
      unlessGone(vm.uvm, () => vm.uvm.guest.modify(removeCombinedLayers(rootPath), { signal: budget })),
  );
  return { rootPath, layers };
}

/** All folders are held as one: they are given back in the order they came. */
async function shareFolders(
  vm: WindowsVm,
  containerId: string,
  holdings: Holdings,
  parents: readonly string[],
  signal: AbortSignal,
): Promise<Layer[]> {
  const shares = parents.map((path) =>
    vm.shares.reserve({ path, kind: "directory", readOnly: true, layer: true }),
  );
  const name = shares.map((share) => share.name).join(",");
  await holdings.acquire(
    {
      kind: "share",
      key: `layers:${vm.uvm.id}/${containerId}`,
      data: { vm: vm.uvm.id, name, path: parents.join(";") },
    },
    async () => {
      try {
        for (const share of shares) await share.acquire(signal);
      } catch (error) {
        await releaseAll(shares, signal);
        throw error;
      }
    },
    (budget) => unlessGone(vm.uvm, () => releaseAll(shares, budget)),
  );
  return parents.map((path, index) => ({ Id: layerId(path), Path: shares[index]?.guestPath ?? "" }));
}

async function releaseAll(shares: readonly VsmbReservation[], signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const share of shares) {
    await share.release(signal).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw asError(failures[0]);
}

async function attachScratch(
  vm: WindowsVm,
  holdings: Holdings,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  const confidentialScratch = vm.options.confidential !== undefined;
  const disk = vm.disks.reserve({
    disk: { Type: "VirtualDisk", Path: path },
    mount: confidentialScratch ? { confidentialScratch } : {},
    grantAccess: true,
  });
  const { guestPath } = disk;
  await holdings.acquire(
    {
      kind: "disk",
      key: `disk:${vm.uvm.id}/${guestPath}`,
      data: { vm: vm.uvm.id, path, guestPath },
    },
    () => disk.acquire(signal),
    (budget) => unlessGone(vm.uvm, () => disk.release(budget)),
  );
  return guestPath;
}

async function combineCims(
  vm: WindowsVm,
  containerId: string,
  holdings: Holdings,
  layers: BlockCimLayers,
  signal: AbortSignal,
): Promise<MountedLayers> {
  const { part, volumeId } = vm.cims.reserve(containerId, layers);
  await holdings.acquire(
    {
      kind: "share",
      key: `layers:${vm.uvm.id}/${containerId}`,
      data: { vm: vm.uvm.id, name: volumeId, path: layers.parents.map((cim) => cim.blockPath).join(";") },
    },
    () => part.acquire(signal),
    (budget) => unlessGone(vm.uvm, () => part.release(budget)),
  );
  const rootPath = await attachScratch(vm, holdings, vm.paths.join(layers.scratch, SCRATCH_DISK), signal);
  const volume = `\\\\?\\Volume{${volumeId}}\\`;
  const CombinedLayers: WindowsCombinedLayers = {
    ContainerRootPath: rootPath,
    Layers: [{ Id: volumeId, Path: `${volume}Files` }],
    FilterType: "UnionFS",
  };
  const add = addConfidentialCombinedLayers({ ContainerID: containerId, CombinedLayers });
  const remove = removeConfidentialCombinedLayers({
    ContainerID: containerId,
    CombinedLayers: { ContainerRootPath: rootPath },
  });
  await holdings.acquire(
    combinedHolding(vm, rootPath),
    () => vm.uvm.guest.modify(add, { signal }),
    (budget) => unlessGone(vm.uvm, () => vm.uvm.guest.modify(remove, { signal: budget })),
  );
  return { rootPath, layers: [{ Id: volumeId, Path: volume }] };
}

function combinedHolding({ uvm }: WindowsVm, root: string): Parameters<Holdings["acquire"]>[0] {
  return { kind: "combined-layers", key: `combined-layers:${uvm.id}/${root}`, data: { vm: uvm.id, root } };
}
