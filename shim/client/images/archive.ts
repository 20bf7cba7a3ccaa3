/**
 * Images on disk: an OCI image layout, as a directory or packed into a tar archive, compressed or not (image-spec,
 * "OCI Image Layout Specification"). Blobs of an archive are unpacked beside each other first: they are read out of order.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { messageOf } from "../../errors.ts";
import { ClientError } from "../errors.ts";
import { uncompressed } from "./compression.ts";
import {
  hostArchitecture,
  MEDIA_TYPE,
  type Descriptor,
  type ImageConfiguration,
  type Manifest,
} from "./image.ts";
import { tarEntries } from "./tar.ts";

export interface ArchivedImage {
  readonly name: string;
  /** The manifest's descriptor. */
  readonly target: Descriptor;
  readonly manifest: Manifest;
  readonly configuration: ImageConfiguration;
  /** Of all its blobs together. */
  readonly bytes: number;
}

/** Annotations by which archives name their images, the fuller first. */
const NAME_ANNOTATIONS = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/** What an archive may have beside blobs that is worth unpacking. */
const DOCUMENTS = ["oci-layout", "index.json"];

export class ImageArchive implements AsyncDisposable {
  readonly #path: string;
  readonly #layout: string;
  readonly #temporary: boolean;

  private constructor(path: string, layout: string, temporary: boolean) {
    this.#path = path;
    this.#layout = layout;
    this.#temporary = temporary;
  }

  /** @throws {ClientError} NotFound, or InvalidArgument for what is no OCI layout */
  static async open(path: string): Promise<ImageArchive> {
    const found = await stat(path).catch((cause: unknown) => {
      throw new ClientError("NotFound", `cannot open image archive ${path}: ${messageOf(cause)}`, {
        cause,
        path,
      });
    });
    if (found.isDirectory()) return ImageArchive.#checked(new ImageArchive(path, path, false));
    const layout = await mkdtemp(join(tmpdir(), "runhcs-image-"));
    const archive = new ImageArchive(path, layout, true);
    try {
      await unpackLayout(path, layout);
      return ImageArchive.#checked(archive);
    } catch (error) {
      await archive[Symbol.asyncDispose]();
      throw error;
    }
  }

  static #checked(archive: ImageArchive): ImageArchive {
    if (existsSync(join(archive.#layout, "index.json"))) return archive;
    throw archive.#refusal("it has no index.json, so it is no OCI image layout");
  }

  /** @param name for an image that is alone and has no name in the archive */
  async images(name?: string): Promise<ArchivedImage[]> {
    const { manifests = [] } = await this.#json<{ manifests?: Descriptor[] }>(
      join(this.#layout, "index.json"),
    );
    const images: ArchivedImage[] = [];
    for (const descriptor of manifests) {
      const target = await this.#choose(descriptor);
      const manifest = await this.#blobJson<Manifest>(target.digest);
      const configuration = await this.#blobJson<ImageConfiguration>(manifest.config.digest);
      const bytes = [target, manifest.config, ...manifest.layers].reduce((sum, { size }) => sum + size, 0);
      images.push({
        name: this.#nameOf(descriptor, manifests, name),
        target,
        manifest,
        configuration,
        bytes,
      });
    }
    if (images.length === 0) throw this.#refusal("it holds no image");
    return images;
  }

  /** A blob in pieces of at most `size` bytes. @throws {ClientError} at its end, when its content is not its digest's */
  async *blob(digest: string, size: number = 1 << 20): AsyncGenerator<Buffer> {
    const hash = createHash("sha256");
    const stream = createReadStream(this.#blobPath(digest), { highWaterMark: size });
    for await (const piece of stream as AsyncIterable<Buffer>) {
      hash.update(piece);
      yield piece;
    }
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== digest) throw this.#refusal(`blob ${digest} is damaged: its content is ${found}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#temporary) await rm(this.#layout, { recursive: true, force: true });
  }

  /** A manifest itself, or the one of an index that is for this machine. */
  async #choose(descriptor: Descriptor): Promise<Descriptor> {
    if (!(MEDIA_TYPE.index as readonly string[]).includes(descriptor.mediaType)) return descriptor;
    const { manifests = [] } = await this.#blobJson<{ manifests?: Descriptor[] }>(descriptor.digest);
    const wanted = hostArchitecture();
    const fitting = manifests.find(({ platform }) => platform?.architecture === wanted);
    if (fitting !== undefined) return fitting;
    const there = manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`).join(", ");
    throw this.#refusal(`it has no image for ${wanted}, only for ${there}`);
  }

  #nameOf(descriptor: Descriptor, all: readonly Descriptor[], given: string | undefined): string {
    if (given !== undefined && all.length === 1) return given;
    const named = NAME_ANNOTATIONS.map((key) => descriptor.annotations?.[key]).find(
      (text) => text !== undefined,
    );
    if (named?.includes("/") === true) return named;
    const file = basename(this.#path)
      .replace(/\.(?:tar|tgz|tar\.\w+)$/, "")
      .toLowerCase();
    return `localhost/${file}:${named ?? "latest"}`;
  }

  #blobPath(digest: string): string {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
    if (hex === undefined) throw this.#refusal(`"${digest}" is no sha256 digest`);
    const path = join(this.#layout, "blobs", "sha256", hex);
    if (!existsSync(path)) throw this.#refusal(`blob ${digest} is missing`);
    return path;
  }

  async #blobJson<T>(digest: string): Promise<T> {
    const pieces: Buffer[] = [];
    for await (const piece of this.blob(digest)) pieces.push(piece);
    return this.#parse<T>(Buffer.concat(pieces).toString("utf8"), digest);
  }

  async #json<T>(path: string): Promise<T> {
    return this.#parse<T>(await readFile(path, "utf8"), basename(path));
  }

  #parse<T>(text: string, what: string): T {
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw this.#refusal(`${what} is not JSON: ${messageOf(cause)}`, cause);
    }
  }

  #refusal(reason: string, cause?: unknown): ClientError {
    return new ClientError("InvalidArgument", `cannot read image archive ${this.#path}: ${reason}`, {
      cause,
      path: this.#path,
    });
  }
}

/** Only the layout's own files: an archive decides neither names nor links here. */
async function unpackLayout(path: string, directory: string): Promise<void> {
  await mkdir(join(directory, "blobs", "sha256"), { recursive: true });
  for await (const { header, body } of tarEntries(await uncompressed(createReadStream(path)), path)) {
    const name = header.name.replace(/^\.\//, "");
    const wanted = DOCUMENTS.includes(name) || /^blobs\/sha256\/[0-9a-f]{64}$/.test(name);
    if (header.type !== "file" || !wanted) {
      await body.cancel();
      continue;
    }
    const target = join(directory, name);
    await mkdir(dirname(target), { recursive: true });
    await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(target));
  }
}
