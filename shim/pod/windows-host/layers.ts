/**
 * The root file system of a container on a Windows host: a volume made of its layers. What was acquired is in the
 * holdings, step by step.
 */
import { win32 } from "node:path";
import { isNotFound, isNotReadyYet } from "../../../hcs/hresult.ts";
import type { ParentLayer, WindowsLayers } from "../../../hcs/port/layers.ts";
import { UNION_FILTER, type Layer } from "../../../hcs/schema/layers.ts";
import { checkCimSupport } from "../../../oci/windows/cim-support.ts";
import { cimVolumeId } from "../../../oci/windows/layer-id.ts";
import type { BlockCimLayers, ImageLayers } from "../../../oci/windows/layers.ts";
import { volumeId } from "../../../oci/windows/volume.ts";
import type { Clock } from "../../clock.ts";
import { ShimError } from "../../errors.ts";
import type { Holdings } from "../../resources/holdings.ts";
import type { PodView } from "../containers.ts";
import type { CreateRequest } from "../request.ts";
import { Serial } from "../../task/serial.ts";
import {
  ensureScratch,
  mountedByClient,
  parentLayers,
  requestedLayers,
  type MountedLayers,
  type ScratchHost,
} from "../windows/layers.ts";

interface LayerContext {
  readonly containerId: string;
  readonly backend: ScratchHost;
  readonly platform: WindowsLayers;
  readonly holdings: Holdings;
  readonly clock: Clock;
}

/** Whose root file system it is, and what of. */
export interface RootInit {
  readonly request: CreateRequest;
  readonly pod: PodView;
  readonly layers: WindowsLayers;
  readonly holdings: Holdings;
}

/** Mounts the root file system of a request, unless its client has. @throws {SpecError} when it names none */
export async function rootFileSystem(
  { request, pod, layers: platform, holdings }: RootInit,
  signal: AbortSignal,
): Promise<MountedLayers> {
  const layers = await requestedLayers(request, pod.environment.backend.files, signal);
  const rootPath = request.spec.root?.path ?? "";
  if (rootPath !== "") {
    volumeId(rootPath, "/root/path");
    return mountedByClient(rootPath, layers);
  }
  const { backend, clock, host } = pod.environment;
  checkCimSupport(layers.kind, host);
  const context = { containerId: request.id, platform, backend, holdings, clock };
  return mountLayers(context, layers, signal);
}

/** Whatever they are stored as. */
async function mountLayers(
  context: LayerContext,
  layers: ImageLayers,
  signal: AbortSignal,
): Promise<MountedLayers> {
  if (layers.kind === "folders") {
    const parents = parentLayers(layers.parents);
    await ensureScratch(context.backend, layers.scratch, parents, signal);
    await activate(context, layers.scratch, parents, signal);
    return {
      rootPath: await mountPath(context, layers.scratch, signal),
      layers: parents.map(({ id, path }) => ({ Id: id, Path: path })),
    };
  }
  const cim = layers.kind === "forked-cims" ? forkedCim(layers.parents[0]?.cim ?? "") : blockCim(layers);
  const id = cimVolumeId(context.containerId);
  const cimVolume = `\\\\?\\Volume{${id}}\\`;
  await mountCim(context, cim, id, cimVolume, signal);
  await activate(context, layers.scratch, undefined, signal);
  const rootPath = await mountPath(context, layers.scratch, signal);
  await attachOverlay(context, rootPath, { Id: id, Path: `${cimVolume}Files` }, signal);
  return { rootPath, layers: [{ Id: id, Path: cimVolume }] };
}

/** Preparing two layers at the same time in one process races inside the platform. */
const preparing = new Serial();

const ATTEMPTS = 5;
const RETRY_MS = 100;

/** @param parents undefined: only the disk is attached, what is below it comes from elsewhere */
async function activate(
  context: LayerContext,
  path: string,
  parents: readonly ParentLayer[] | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { platform, holdings, clock } = context;
  let prepared = parents !== undefined;
  const once = async (): Promise<void> => {
    await platform.activate(path, { signal });
    if (parents === undefined) return;
    try {
      await preparing.run(() => platform.prepare(path, parents, { signal }));
    } catch (error) {
      await platform.deactivate(path, { signal });
      throw error;
    }
  };
  await holdings.acquire(
    { kind: "layer", key: `layer:${path}`, data: { path, prepared } },
    async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await once();
        } catch (error) {
          // The disk was attached, but its volume has not arrived yet.
          if (attempt === ATTEMPTS || !isNotReadyYet(error)) throw error;
        }
        await clock.sleep(RETRY_MS, signal);
      }
    },
    async (budget) => {
      if (prepared) await unlessMissing(platform.unprepare(path, { signal: budget }));
      prepared = false;
      await unlessMissing(platform.deactivate(path, { signal: budget }));
    },
  );
}

async function mountPath({ platform }: LayerContext, path: string, signal: AbortSignal): Promise<string> {
  const volume = await platform.mountPath(path, { signal });
  if (volume !== "") return volume;
  throw new ShimError("HOST_UNFIT", `cannot mount layer "${path}": the host gives it no volume`);
}

/** A CIM, or several that were merged into the first, and how they are mounted. */
interface CimMount {
  readonly paths: readonly string[];
  readonly flags: number;
}

const CIM_FLAGS = { device: 0x10, file: 0x20 } as const;

/** The uppermost CIM: it knows those below it. */
function forkedCim(path: string): CimMount {
  return { paths: [path], flags: 0 };
}

function blockCim({ block, merged, parents }: BlockCimLayers): CimMount {
  const cims = merged === undefined ? parents : [merged, ...parents];
  return { paths: cims.map(({ blockPath, name }) => win32.join(blockPath, name)), flags: CIM_FLAGS[block] };
}

async function mountCim(
  { platform, holdings }: LayerContext,
  { paths, flags }: CimMount,
  id: string,
  volumePath: string,
  signal: AbortSignal,
): Promise<void> {
  const [path, ...others] = paths;
  await holdings.acquire(
    { kind: "cim", key: `cim:${volumePath}`, data: { volumePath } },
    () =>
      path === undefined || others.length > 0
        ? platform.mountMergedCims(paths, flags, id, { signal })
        : platform.mountCim(path, flags, id, { signal }),
    (budget) => unlessMissing(platform.dismountCim(volumePath, { signal: budget })),
  );
}

async function attachOverlay(
  { platform, holdings }: LayerContext,
  volumePath: string,
  layer: Layer,
  signal: AbortSignal,
): Promise<void> {
  await holdings.acquire(
    { kind: "overlay", key: `overlay:${volumePath}`, data: { volumePath } },
    () => platform.attachOverlayFilter(volumePath, { ...UNION_FILTER, Layers: [layer] }, { signal }),
    (budget) => unlessMissing(platform.detachOverlayFilter(volumePath, UNION_FILTER, { signal: budget })),
  );
}

async function unlessMissing(release: Promise<void>): Promise<void> {
  try {
    await release;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
