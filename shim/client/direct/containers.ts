/** Records of containers, a directory for each: what it is made of, its writable layer, its bundle. */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RootfsMount } from "../../../hcs/api.ts";
import type { JsonObject } from "../../../oci/json.ts";
import { Any } from "../../../protos/gen/google.ts";
import { BUNDLE_FILE, readIfPresent, writeFileAtomically } from "../../bootstrap/bundle.ts";
import type { ContainerRecord, EngineContainers, EngineRootfs, NewContainer } from "../engine.ts";
import { ClientError } from "../errors.ts";
import { RUNTIME_NAME } from "../runtime.ts";
import type { DirectLayout } from "./engine.ts";
import { pruneEvents } from "./events.ts";
import type { DirectImages } from "./images.ts";

const RECORD = "container.json";
/** In a bundle: mounts that make up the root file system, resolved. */
const MOUNTS = "rootfs.json";

interface StoredContainer {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: JsonObject;
  readonly rootfs: EngineRootfs;
  readonly createdAt: string;
  readonly runtimeOptions?: string;
}

export function directContainers(layout: DirectLayout, images: DirectImages): EngineContainers {
  const find = (id: string): ContainerRecord | undefined => {
    const text = readIfPresent(join(containerDirectory(layout, id), RECORD));
    return text === undefined ? undefined : recordOf(JSON.parse(text) as StoredContainer);
  };
  return {
    create: async (container) => {
      const directory = containerDirectory(layout, container.id);
      try {
        await mkdir(directory, { mode: 0o711 });
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
        const message = `cannot create container "${container.id}": it exists already`;
        throw new ClientError("AlreadyExists", message, { cause, id: container.id });
      }
      try {
        const bundle = bundleDirectory(layout, container.id);
        await mkdir(join(bundle, BUNDLE_FILE.rootfs), { recursive: true });
        const mounts = await mountsOf(container, directory, images);
        writeFileAtomically(join(bundle, MOUNTS), JSON.stringify(mounts));
        requireImage(container, mounts);
        writeFileAtomically(join(bundle, BUNDLE_FILE.config), JSON.stringify(container.spec));
        // Last: what has a record is complete.
        writeFileAtomically(join(directory, RECORD), JSON.stringify(stored(container)));
      } catch (error) {
        await rm(directory, { recursive: true, force: true });
        throw error;
      }
    },
    find: async (id) => find(id),
    list: async () => {
      const names = await readdir(layout.containers);
      return names
        .map(find)
        .filter((record) => record !== undefined)
        .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
    },
    delete: async (id) => {
      await rm(containerDirectory(layout, id), { recursive: true, force: true });
      await pruneEvents(layout);
    },
  };
}

export function containerDirectory({ containers }: DirectLayout, id: string): string {
  return join(containers, id);
}

export function bundleDirectory(layout: DirectLayout, id: string): string {
  return join(containerDirectory(layout, id), "bundle");
}

/** What the shim is to mount as the root file system of a container. */
export function rootfsMounts(layout: DirectLayout, id: string): RootfsMount[] {
  return JSON.parse(readIfPresent(join(bundleDirectory(layout, id), MOUNTS)) ?? "[]") as RootfsMount[];
}

async function mountsOf(
  { rootfs }: NewContainer,
  directory: string,
  images: DirectImages,
): Promise<readonly RootfsMount[]> {
  switch (rootfs.kind) {
    case "spec":
      return [];
    case "mounts":
      return rootfs.mounts;
    case "image": {
      const lower = await images.rootfs(rootfs.image, rootfs.idMapping);
      const upper = join(directory, "upper");
      const work = join(directory, "work");
      for (const path of [upper, work]) await mkdir(path);
      const options = [`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`];
      return [{ type: "overlay", source: "overlay", target: "", options }];
    }
  }
}

/** Whoever removes images spares those that are written down: it may have been too early for that. */
function requireImage({ id, rootfs }: NewContainer, mounts: readonly RootfsMount[]): void {
  if (rootfs.kind !== "image" || mounts.flatMap(lowerOf).every((directory) => existsSync(directory))) return;
  throw new ClientError("NotFound", `cannot create container "${id}": image "${rootfs.image}" was removed`, {
    image: rootfs.image,
  });
}

/** Directories of images below the writable layers of containers, in all namespaces. */
export async function lowerDirectories(root: string): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  for (const namespace of await readdir(root)) {
    const containers = join(root, namespace, "containers");
    for (const id of await readdir(containers).catch(() => [])) {
      const mounts = readIfPresent(join(containers, id, "bundle", MOUNTS)) ?? "[]";
      for (const lower of (JSON.parse(mounts) as RootfsMount[]).flatMap(lowerOf)) used.add(lower);
    }
  }
  return used;
}

function lowerOf({ options }: RootfsMount): string[] {
  return options.flatMap((option) => /^lowerdir=(.*)$/.exec(option)?.[1] ?? []);
}

function stored({ id, labels, spec, rootfs, runtimeOptions }: NewContainer): StoredContainer {
  const options = runtimeOptions && Buffer.from(Any.encode(runtimeOptions)).toString("base64");
  return {
    id,
    labels,
    spec,
    rootfs,
    createdAt: new Date().toISOString(),
    ...(options === undefined ? {} : { runtimeOptions: options }),
  };
}

function recordOf({ createdAt, runtimeOptions, ...rest }: StoredContainer): ContainerRecord {
  const options = runtimeOptions && Any.decode(Buffer.from(runtimeOptions, "base64"));
  return {
    ...rest,
    createdAt: new Date(createdAt),
    runtime: RUNTIME_NAME,
    ...(options ? { runtimeOptions: options } : {}),
  };
}
