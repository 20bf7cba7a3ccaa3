/** What containers are made of, in containerd's own database. */
import { parseJson } from "../../../hcs/json.ts";
import { isObject } from "../../../oci/json.ts";
import { Containers, Container } from "../../../protos/gen/containers.ts";
import { timestampToDate } from "../../../protos/timestamp.ts";
import { SPEC_URL } from "../../../protos/type-urls.ts";
import type { ContainerRecord, EngineContainers, EngineRootfs } from "../engine.ts";
import { ClientError, isNotFound, translated } from "../errors.ts";
import type { ContainerdEngineOptions } from "./engine.ts";
import type { GrpcConnection } from "./grpc.ts";
import type { ContainerdImages } from "./images.ts";

/** Extension of a container that keeps what containerd has no field for. */
const ROOTFS_EXTENSION = "runhcs.client/rootfs";

export function containerdContainers(
  connection: GrpcConnection,
  images: ContainerdImages,
  { runtime }: Pick<ContainerdEngineOptions, "runtime">,
): EngineContainers {
  const calls = connection.service(Containers);
  return {
    create: async ({ id, labels, spec, rootfs, runtimeOptions }) => {
      const action = `cannot create container "${id}"`;
      if (await find(id)) throw new ClientError("AlreadyExists", `${action}: it exists already`, { id });
      await images.leased(async (lease) => {
        const snapshotKey = rootfs.kind === "image" ? await images.prepare(id, rootfs, lease) : "";
        const container = Container.create({
          id,
          labels: { ...labels },
          image: rootfs.kind === "image" ? rootfs.image : "",
          runtime: { name: runtime, options: runtimeOptions },
          spec: { typeUrl: SPEC_URL, value: Buffer.from(JSON.stringify(spec)) },
          snapshotter: snapshotKey === "" ? "" : images.snapshotter,
          snapshotKey,
          extensions: {
            [ROOTFS_EXTENSION]: { typeUrl: ROOTFS_EXTENSION, value: Buffer.from(JSON.stringify(rootfs)) },
          },
        });
        try {
          await translated(action, calls.Create({ container }, lease));
        } catch (error) {
          if (snapshotKey !== "") await images.remove(snapshotKey);
          throw error;
        }
      });
    },
    find,
    list: async () => {
      const { containers } = await translated("cannot list containers", calls.List({}));
      return containers.map(recordOf);
    },
    delete: async (id) => {
      const found = await find(id);
      if (found === undefined) return;
      try {
        await translated(`cannot delete container "${id}"`, calls.Delete({ id }));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      if (found.rootfs.kind === "image") await images.remove(id);
    },
  };

  async function find(id: string): Promise<ContainerRecord | undefined> {
    try {
      const { container } = await translated(`cannot find container "${id}"`, calls.Get({ id }));
      return container === undefined ? undefined : recordOf(container);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function recordOf(container: Container): ContainerRecord {
  const { id, labels, spec, runtime, createdAt } = container;
  const document = spec === undefined ? {} : parseJson(Buffer.from(spec.value).toString("utf8"));
  return {
    id,
    labels,
    spec: isObject(document) ? document : {},
    rootfs: rootfsOf(container),
    createdAt: createdAt === undefined ? new Date(0) : timestampToDate(createdAt),
    runtime: runtime?.name ?? "",
    ...(runtime?.options === undefined ? {} : { runtimeOptions: runtime.options }),
  };
}

/** A container that somebody else made (`ctr`, the CRI plugin) has a snapshot, or nothing but its spec. */
function rootfsOf({ extensions, image, snapshotKey }: Container): EngineRootfs {
  const own = extensions[ROOTFS_EXTENSION];
  if (own !== undefined) return JSON.parse(Buffer.from(own.value).toString("utf8")) as EngineRootfs;
  return snapshotKey === "" ? { kind: "spec" } : { kind: "image", image };
}
