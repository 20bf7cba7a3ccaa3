/**
 * Images where no containerd keeps them: each one unpacked into one directory, which containers share below a writable
 * layer of their own.
 */
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { readIfPresent, writeFileAtomically } from "../../bootstrap/bundle.ts";
import type { EngineImages, ImportOptions, RootfsIdMapping } from "../engine.ts";
import { ImageArchive, type ArchivedImage } from "../images/archive.ts";
import { chainIds } from "../images/chain.ts";
import { uncompressed } from "../images/compression.ts";
import type { ImageInfo } from "../images/image.ts";
import { applyLayer } from "../images/layer.ts";
import { readPlainFiles } from "../images/plain-files.ts";
import { shiftOwners } from "../images/shift.ts";
import { ClientError } from "../errors.ts";

/** The empty image's chain: it has no layer that could name it. */
const EMPTY = "empty";
/** What the name of a copy with other owners ends with. */
const SHIFTED = /-\d+-\d+$/;

export class DirectImages implements EngineImages {
  readonly #directory: string;
  readonly #inUse: () => Promise<ReadonlySet<string>>;

  /**
   * @param directory made when it is not there
   * @param inUse directories of images that containers stand on
   */
  constructor(directory: string, inUse: () => Promise<ReadonlySet<string>>) {
    this.#directory = directory;
    this.#inUse = inUse;
  }

  async import(path: string, { name, onProgress }: ImportOptions = {}): Promise<ImageInfo[]> {
    await using archive = await ImageArchive.open(path);
    const images = await archive.images(name);
    const total = images.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    const imported: ImageInfo[] = [];
    for (const image of images) {
      const start = done;
      await this.#unpack(archive, image, (bytes) => {
        done += bytes;
        onProgress?.({ step: "unpack", done, total });
      });
      done = start + image.bytes;
      onProgress?.({ step: "unpack", done, total });
      const { configuration, target } = image;
      const info = { name: image.name, digest: target.digest, configuration };
      await mkdir(join(this.#directory, "names"), { recursive: true, mode: 0o700 });
      writeFileAtomically(this.#recordOf(info.name), JSON.stringify(info));
      imported.push(info);
    }
    return imported;
  }

  async find(reference: string): Promise<ImageInfo | undefined> {
    const record = readIfPresent(this.#recordOf(reference));
    if (record !== undefined) return JSON.parse(record) as ImageInfo;
    return (await this.list()).find(({ digest }) => digest === reference);
  }

  async list(): Promise<ImageInfo[]> {
    const names = await readdir(join(this.#directory, "names")).catch(() => []);
    return names
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => JSON.parse(readIfPresent(join(this.#directory, "names", name)) ?? "null") as ImageInfo);
  }

  async readFiles(reference: string, paths: readonly string[]): Promise<Map<string, Buffer>> {
    return readPlainFiles(await this.rootfs(reference), paths);
  }

  /**
   * The directory an image is unpacked in; nothing in it may be changed.
   *
   * @param idMapping owners shifted by so much: a copy of its own
   * @throws {ClientError} NotFound
   */
  async rootfs(reference: string, idMapping?: RootfsIdMapping): Promise<string> {
    const info = await this.find(reference);
    if (info === undefined)
      throw new ClientError("NotFound", `there is no image "${reference}"`, { image: reference });
    const plain = this.#chainOf(info);
    if (idMapping === undefined) return plain;
    const shifted = `${plain}-${idMapping.uid}-${idMapping.gid}`;
    await this.#makeOnce(shifted, (target) => shiftOwners(plain, target, idMapping));
    return shifted;
  }

  async delete(reference: string): Promise<void> {
    const info = await this.find(reference);
    if (info !== undefined) await rm(this.#recordOf(info.name), { force: true });
    await this.#sweep();
  }

  async prune(used: ReadonlySet<string>): Promise<string[]> {
    const names = (await this.list()).map(({ name }) => name).filter((name) => !used.has(name));
    for (const name of names) await rm(this.#recordOf(name), { force: true });
    await this.#sweep();
    return names;
  }

  /** Removes directories that no image has and no container stands on. */
  async #sweep(): Promise<void> {
    const named = new Set((await this.list()).map((info) => this.#chainOf(info)));
    const chains = join(this.#directory, "chains");
    const isNeeded = async (directory: string): Promise<boolean> =>
      named.has(directory.replace(SHIFTED, "")) || (await this.#inUse()).has(directory);
    for (const name of await readdir(chains).catch(() => [])) {
      const directory = join(chains, name);
      // One with a point in its name is being made, or was left behind; who makes it knows which.
      if (name.includes(".") || (await isNeeded(directory))) continue;
      const gone = await mkdtemp(`${directory}.gone-`);
      await rename(directory, join(gone, "files"));
      // A container may have come to stand on it in between: it looks for it once more after it has said so.
      if (await isNeeded(directory)) await rename(join(gone, "files"), directory);
      await rm(gone, { recursive: true, force: true });
    }
  }

  async #unpack(
    archive: ImageArchive,
    image: ArchivedImage,
    onBytes: (bytes: number) => void,
  ): Promise<void> {
    await this.#makeOnce(this.#chainOf(image), async (target) => {
      for (const { digest } of image.manifest.layers) {
        const counted = (async function* () {
          for await (const piece of archive.blob(digest)) {
            onBytes(piece.length);
            yield piece;
          }
        })();
        const layer = await uncompressed(Readable.from(counted, { objectMode: false }));
        await applyLayer(layer, target, { name: `layer ${digest}` });
      }
    });
  }

  /** What is half made never has the name: two who make the same do not disturb each other. */
  async #makeOnce(directory: string, make: (target: string) => Promise<void>): Promise<void> {
    if (existsSync(directory)) return;
    await mkdir(join(this.#directory, "chains"), { recursive: true, mode: 0o711 });
    const temporary = await mkdtemp(`${directory}.`);
    // Of the container's root, unless its layers say otherwise.
    await chmod(temporary, 0o755);
    try {
      await make(temporary);
      await rename(temporary, directory);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      if (!existsSync(directory)) throw error;
    }
  }

  #chainOf({ configuration }: Pick<ImageInfo, "configuration">): string {
    const chain = chainIds(configuration.rootfs.diff_ids).at(-1) ?? EMPTY;
    return join(this.#directory, "chains", chain.replace(":", "-"));
  }

  #recordOf(name: string): string {
    return join(this.#directory, "names", `${createHash("sha256").update(name).digest("hex")}.json`);
  }
}
