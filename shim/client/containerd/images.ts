/**
 * Images of a containerd: an archive's blobs into its content store, its layers into its snapshotter. By the services that
 * all releases have; the transfer service, which does the same in one call, came with 1.7.
 */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { ReadableStream } from "node:stream/web";
import { Content, WriteAction, type WriteContentResponse } from "../../../protos/gen/content.ts";
import { Diff } from "../../../protos/gen/diff.ts";
import { Images } from "../../../protos/gen/images.ts";
import { Leases } from "../../../protos/gen/leases.ts";
import { Snapshots } from "../../../protos/gen/snapshots.ts";
import { Descriptor as DescriptorMessage, type Mount } from "../../../protos/gen/types.ts";
import type { EngineImages, EngineRootfs, ImportOptions } from "../engine.ts";
import { ClientError, clientError, isAlreadyExists, isNotFound, translated } from "../errors.ts";
import { ImageArchive, type ArchivedImage } from "../images/archive.ts";
import { chainIds } from "../images/chain.ts";
import { uncompressed } from "../images/compression.ts";
import {
  hostArchitecture,
  MEDIA_TYPE,
  type Descriptor,
  type ImageConfiguration,
  type ImageInfo,
  type Manifest,
} from "../images/image.ts";
import { shiftOwnersInPlace } from "../images/shift.ts";
import { tarEntries } from "../images/tar.ts";
import { withMounts } from "../images/with-mounts.ts";
import type { CallOptions, GrpcConnection } from "./grpc.ts";

/** Bytes of a blob in one message. */
const PIECE = 1 << 20;
/** Unpacking a layer of some gigabytes is one call. */
const UNPACK_MS = 3_600_000;
/** Garbage of some gigabytes takes its time. */
const COLLECT_MS = 600_000;
/** Label of images that this library has imported. */
const IMPORTED = "runhcs.client/imported";
/** After so long a lease that was left behind by a killed client ends by itself. */
const LEASE_MS = 24 * 3_600_000;

export class ContainerdImages implements EngineImages {
  readonly snapshotter: string;
  readonly #connection: GrpcConnection;

  constructor(connection: GrpcConnection, snapshotter: string) {
    this.#connection = connection;
    this.snapshotter = snapshotter;
  }

  async import(path: string, { name, onProgress }: ImportOptions = {}): Promise<ImageInfo[]> {
    await using archive = await ImageArchive.open(path);
    const images = await archive.images(name);
    const total = images.reduce((sum, image) => sum + image.bytes, 0);
    let done = 0;
    const advance = (step: "copy" | "unpack", bytes: number): void => {
      done += bytes;
      onProgress?.({ step, done, total });
    };
    // Awaited here: what the archive is unpacked in goes when this block is left.
    return await this.leased(async (lease) => {
      const imported: ImageInfo[] = [];
      for (const image of images) {
        await this.#copy(archive, image, lease, (bytes) => advance("copy", bytes));
        await this.#name(image);
        await this.#unpack(image, lease);
        imported.push({ name: image.name, digest: image.target.digest, configuration: image.configuration });
      }
      return imported;
    });
  }

  async find(reference: string): Promise<ImageInfo | undefined> {
    try {
      const call = this.#connection.service(Images).Get({ name: reference });
      const { image } = await translated(`cannot find image "${reference}"`, call);
      if (image?.target === undefined) return undefined;
      return { name: image.name, ...(await this.#describe(image.target)) };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async list(): Promise<ImageInfo[]> {
    const { images } = await translated("cannot list images", this.#connection.service(Images).List({}));
    const infos: ImageInfo[] = [];
    for (const { name, target } of images) {
      if (target !== undefined) infos.push({ name, ...(await this.#describe(target)) });
    }
    return infos;
  }

  async delete(reference: string): Promise<void> {
    const info =
      (await this.find(reference)) ?? (await this.list()).find(({ digest }) => digest === reference);
    if (info !== undefined) await this.#forget(info.name);
  }

  async prune(used: ReadonlySet<string>): Promise<string[]> {
    const { images } = await translated("cannot list images", this.#connection.service(Images).List({}));
    const names = images
      // Those of others are theirs to remove: the CRI plugin keeps images that no container has yet.
      .filter(({ name, labels }) => labels[IMPORTED] !== undefined && !used.has(name))
      .map(({ name }) => name);
    for (const name of names) await this.#forget(name);
    return names;
  }

  /** Waits until what nobody needs any more has been collected. */
  async #forget(name: string): Promise<void> {
    try {
      const call = this.#connection.service(Images).Delete({ name, sync: true }, { timeoutMs: COLLECT_MS });
      await translated(`cannot remove image "${name}"`, call);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async readFiles(reference: string, paths: readonly string[]): Promise<Map<string, Buffer>> {
    const info = await this.find(reference);
    if (info === undefined)
      throw new ClientError("NotFound", `there is no image "${reference}"`, { image: reference });
    const files = new Map<string, Buffer>();
    const hidden = new Set<string>();
    // The uppermost layer that has a file, or takes it away, decides.
    for (const { digest } of (await this.#manifestOf(info.digest)).layers.toReversed()) {
      const wanted = paths.filter((path) => !files.has(path) && !hidden.has(path));
      if (wanted.length === 0) break;
      await this.#readLayer(digest, wanted, files, hidden);
    }
    return files;
  }

  async #readLayer(
    digest: string,
    wanted: readonly string[],
    files: Map<string, Buffer>,
    hidden: Set<string>,
  ): Promise<void> {
    const content = Readable.from(this.#read(digest), { objectMode: false });
    for await (const { header, body } of tarEntries(await uncompressed(content), `layer ${digest}`)) {
      const name = header.name.replace(/^(?:\.?\/)+/, "").replace(/\/$/, "");
      for (const path of wanted) if (takesAway(name, path)) hidden.add(path);
      if (wanted.includes(name) && header.type === "file")
        files.set(name, await buffer(body as ReadableStream));
      else await body.cancel();
      if (wanted.includes(name) && header.type !== "file") hidden.add(name);
    }
  }

  /** A writable snapshot on top of an image. @returns its key */
  async prepare(
    key: string,
    { image, idMapping }: Extract<EngineRootfs, { kind: "image" }>,
    lease: CallOptions,
  ): Promise<string> {
    const info = await this.find(image);
    if (info === undefined) throw new ClientError("NotFound", `there is no image "${image}"`, { image });
    const manifest = await this.#manifestOf(info.digest);
    const parent = await this.#unpack({ manifest, configuration: info.configuration }, lease);
    const call = this.#connection
      .service(Snapshots)
      .Prepare({ snapshotter: this.snapshotter, key, parent }, lease);
    const { mounts } = await translated(`cannot prepare the root file system of container "${key}"`, call);
    if (idMapping === undefined) return key;
    try {
      await withMounts(mounts, (directory) => shiftOwnersInPlace(directory, idMapping));
    } catch (error) {
      await this.remove(key);
      throw clientError(`cannot give the files of container "${key}" their owners`, error);
    }
    return key;
  }

  async mounts(key: string): Promise<Mount[]> {
    const call = this.#connection.service(Snapshots).Mounts({ snapshotter: this.snapshotter, key });
    return (await translated(`cannot tell the mounts of container "${key}"`, call)).mounts;
  }

  async remove(key: string): Promise<void> {
    try {
      const call = this.#connection.service(Snapshots).Remove({ snapshotter: this.snapshotter, key });
      await translated(`cannot remove the root file system of container "${key}"`, call);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** What is not yet named by an image or a container would be collected as garbage. */
  async leased<T>(work: (lease: CallOptions) => Promise<T>): Promise<T> {
    const leases = this.#connection.service(Leases);
    const id = `runhcs-client-${randomUUID()}`;
    const labels = { "containerd.io/gc.expire": new Date(Date.now() + LEASE_MS).toISOString() };
    await translated("cannot make a lease", leases.Create({ id, labels }));
    try {
      return await work({ metadata: { "containerd-lease": id } });
    } finally {
      await translated("cannot end a lease", leases.Delete({ id }));
    }
  }

  async #copy(
    archive: ImageArchive,
    image: ArchivedImage,
    lease: CallOptions,
    onBytes: (bytes: number) => void,
  ): Promise<void> {
    const [chain] = chainIds(image.configuration.rootfs.diff_ids).slice(-1);
    const references = new Map<string, Record<string, string>>([
      [
        image.target.digest,
        Object.fromEntries(
          [image.manifest.config, ...image.manifest.layers].map(({ digest }, index) => [
            `containerd.io/gc.ref.content.${index}`,
            digest,
          ]),
        ),
      ],
      [
        image.manifest.config.digest,
        chain === undefined ? {} : { [`containerd.io/gc.ref.snapshot.${this.snapshotter}`]: chain },
      ],
    ]);
    for (const descriptor of [...image.manifest.layers, image.manifest.config, image.target])
      await this.#write(archive, descriptor, references.get(descriptor.digest) ?? {}, lease, onBytes);
  }

  async #write(
    archive: ImageArchive,
    { digest, size }: Descriptor,
    labels: Readonly<Record<string, string>>,
    lease: CallOptions,
    onBytes: (bytes: number) => void,
  ): Promise<void> {
    const ref = `import-${digest}`;
    const stream = this.#connection.bidiStream(Content.typeName, Content.methods.Write, lease);
    const answers = (stream as AsyncIterable<WriteContentResponse>)[Symbol.asyncIterator]();
    const send = async (message: Parameters<typeof stream.write>[0]): Promise<void> => {
      stream.write(message);
      if ((await answers.next()).done === true)
        throw new ClientError("Unknown", `cannot write ${digest}: containerd ended the stream`);
    };
    const total = BigInt(size);
    let offset = 0;
    try {
      await send({ action: WriteAction.STAT, ref, total, expected: digest });
      for await (const data of archive.blob(digest, PIECE)) {
        await send({ action: WriteAction.WRITE, ref, offset: BigInt(offset), data });
        offset += data.length;
        onBytes(data.length);
      }
      await send({
        action: WriteAction.COMMIT,
        ref,
        offset: total,
        total,
        expected: digest,
        labels: { ...labels },
      });
      stream.end();
      // The status comes after the last message.
      await answers.next();
    } catch (error) {
      if (!isAlreadyExists(error)) throw clientError(`cannot write ${digest}`, error);
      onBytes(size - offset);
    } finally {
      stream.cancel();
    }
  }

  async #name({ name, target }: ArchivedImage): Promise<void> {
    const images = this.#connection.service(Images);
    const image = {
      name,
      labels: { [IMPORTED]: "1" },
      target: DescriptorMessage.create(message(target)),
      createdAt: undefined,
      updatedAt: undefined,
    };
    try {
      await translated(`cannot name image "${name}"`, images.Create({ image }));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await translated(`cannot name image "${name}"`, images.Update({ image }));
    }
  }

  /** Snapshots of all layers, those that are there already left alone. @returns the uppermost; empty without layers */
  async #unpack(
    { manifest, configuration }: Pick<ArchivedImage, "manifest" | "configuration">,
    lease: CallOptions,
  ): Promise<string> {
    const snapshots = this.#connection.service(Snapshots);
    const { snapshotter } = this;
    const chain = chainIds(configuration.rootfs.diff_ids);
    for (const [index, layer] of manifest.layers.entries()) {
      const name = chain[index] ?? "";
      if (await this.#hasSnapshot(name)) continue;
      const key = `extract-${randomUUID()} ${name}`;
      const parent = chain[index - 1] ?? "";
      const action = `cannot unpack layer ${layer.digest}`;
      const { mounts } = await translated(action, snapshots.Prepare({ snapshotter, key, parent }, lease));
      try {
        const diff = DescriptorMessage.create(message(layer));
        const options = { ...lease, timeoutMs: UNPACK_MS };
        const { applied } = await translated(
          action,
          this.#connection.service(Diff).Apply({ diff, mounts }, options),
        );
        const expected = configuration.rootfs.diff_ids[index];
        if (applied?.digest !== expected)
          throw new ClientError(
            "FailedPrecondition",
            `${action}: its content is ${applied?.digest}, not ${expected}`,
          );
        await snapshots.Commit({ snapshotter, name, key, labels: {} }, lease);
      } catch (error) {
        await this.remove(key);
        // Somebody else was quicker with the same layer.
        if (!isAlreadyExists(error)) throw clientError(action, error);
      }
    }
    return chain.at(-1) ?? "";
  }

  async #hasSnapshot(key: string): Promise<boolean> {
    try {
      const call = this.#connection.service(Snapshots).Stat({ snapshotter: this.snapshotter, key });
      await translated(`cannot find layer ${key}`, call);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #describe({ digest }: { readonly digest: string }): Promise<Omit<ImageInfo, "name">> {
    const manifest = await this.#manifestOf(digest);
    const configuration = (await this.#readJson(manifest.config.digest)) as ImageConfiguration;
    return { digest, configuration };
  }

  /** A manifest, by itself or chosen from an index for this machine. */
  async #manifestOf(digest: string): Promise<Manifest> {
    const document = (await this.#readJson(digest)) as Partial<Manifest> & { manifests?: Descriptor[] };
    if (document.config !== undefined) return document as Manifest;
    const candidates = (document.manifests ?? []).filter(({ mediaType }) =>
      (MEDIA_TYPE.manifest as readonly string[]).includes(mediaType),
    );
    const fitting =
      candidates.find(({ platform }) => platform?.architecture === hostArchitecture()) ?? candidates[0];
    if (fitting === undefined)
      throw new ClientError(
        "FailedPrecondition",
        `image ${digest} has no manifest for ${hostArchitecture()}`,
      );
    return this.#manifestOf(fitting.digest);
  }

  async #readJson(digest: string): Promise<unknown> {
    return JSON.parse((await buffer(this.#read(digest))).toString("utf8"));
  }

  async *#read(digest: string): AsyncGenerator<Uint8Array> {
    const { Read } = Content.methods;
    const stream = this.#connection.serverStream(Content.typeName, Read, { digest });
    try {
      for await (const { data } of stream as AsyncIterable<{ data: Uint8Array }>) yield data;
    } catch (error) {
      throw clientError(`cannot read ${digest}`, error);
    } finally {
      stream.cancel();
    }
  }
}

/** A whiteout of the path itself, or of a directory above it. */
function takesAway(entry: string, path: string): boolean {
  const parts = path.split("/");
  return parts.some((part, index) => {
    const parent = parts
      .slice(0, index)
      .map((each) => `${each}/`)
      .join("");
    return entry === `${parent}.wh.${part}` || (index > 0 && entry === `${parent}.wh..wh..opq`);
  });
}

function message({ mediaType, digest, size }: Descriptor): Partial<DescriptorMessage> {
  return { mediaType, digest, size: BigInt(size) };
}
