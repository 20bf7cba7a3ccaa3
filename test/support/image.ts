/**
 * The local image: one layer around a static busybox, packed as an OCI archive. Nothing is pulled and no tool but
 * busybox is needed; the same busybox gives the same bytes.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { findStaticBusybox } from "../../scripts/setup/requirements.ts";
import { mustRun } from "./command.ts";
import { type TarEntry, writeTar } from "./tar.ts";

/** The image that containers of the tests run. */
export const BUSYBOX_IMAGE = "localhost/busybox:test";
/** The image of sandbox containers: it sleeps. */
export const PAUSE_IMAGE = "localhost/pause:test";

/** The longest sleep that busybox understands, in seconds: 68 years. */
const FOREVER = String(0x7fff_ffff);

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Writes an OCI archive that holds {@link BUSYBOX_IMAGE} and {@link PAUSE_IMAGE}, for `ctr images import`. */
export async function writeImageArchive(path: string): Promise<void> {
  const busybox = findStaticBusybox();
  if (busybox === undefined)
    throw new Error("cannot build the local image: no static busybox on this machine");
  const applets = (await mustRun(busybox, ["--list"])).split("\n");
  await writeFile(path, buildArchive(await readFile(busybox), applets));
}

/** The archive as bytes. */
export function buildArchive(busybox: Uint8Array, applets: readonly string[]): Buffer {
  const layer = writeTar(rootFileSystem(busybox, applets));
  const linux = (name: string, Cmd: readonly string[]): ImageOfOneLayer => ({
    ...{ name, os: "linux", layer },
    config: { Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], Cmd, WorkingDir: "/" },
  });
  return imageArchive([linux(BUSYBOX_IMAGE, ["/bin/sh"]), linux(PAUSE_IMAGE, ["/bin/sleep", FOREVER])]);
}

export interface ImageOfOneLayer {
  readonly name: string;
  readonly os: "linux" | "windows";
  /** A tar archive. */
  readonly layer: Buffer;
  readonly config: object;
}

/** An OCI archive of images. */
export function imageArchive(images: readonly ImageOfOneLayer[]): Buffer {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, content: Buffer): Descriptor => {
    const hash = createHash("sha256").update(content).digest("hex");
    blobs.set(hash, content);
    return { mediaType, digest: `sha256:${hash}`, size: content.length };
  };
  const addJson = (mediaType: string, value: unknown): Descriptor =>
    add(mediaType, Buffer.from(JSON.stringify(value)));

  const describe = ({ name, os, layer: content, config: process }: ImageOfOneLayer): object => {
    const layer = add("application/vnd.oci.image.layer.v1.tar", content);
    const config = addJson("application/vnd.oci.image.config.v1+json", {
      architecture: architecture(),
      os,
      config: process,
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    });
    const manifest = addJson("application/vnd.oci.image.manifest.v1+json", {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config,
      layers: [layer],
    });
    return {
      ...manifest,
      platform: { architecture: architecture(), os },
      annotations: {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name.split(":")[1],
      },
    };
  };

  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: images.map(describe),
  };
  return writeTar([
    { type: "file", path: "oci-layout", content: JSON.stringify({ imageLayoutVersion: "1.0.0" }) },
    { type: "file", path: "index.json", content: JSON.stringify(index) },
    { type: "directory", path: "blobs/" },
    { type: "directory", path: "blobs/sha256/" },
    ...[...blobs].map(([hash, content]): TarEntry => ({
      type: "file",
      path: `blobs/sha256/${hash}`,
      content,
    })),
  ]);
}

function rootFileSystem(busybox: Uint8Array, applets: readonly string[]): TarEntry[] {
  const directories = [
    "bin",
    "dev",
    "etc",
    "home",
    "proc",
    "root",
    "run",
    "sbin",
    "sys",
    "tmp",
    "usr",
    "usr/bin",
    "var",
  ];
  return [
    ...directories.map((name): TarEntry => ({
      type: "directory",
      path: `${name}/`,
      mode: name === "tmp" ? 0o1777 : 0o755,
    })),
    { type: "file", path: "bin/busybox", content: busybox, mode: 0o755 },
    ...applets
      .filter((applet) => applet !== "" && applet !== "busybox")
      .map((applet): TarEntry => ({ type: "link", path: `bin/${applet}`, target: "busybox" })),
    {
      type: "file",
      path: "etc/passwd",
      content: "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    },
    { type: "file", path: "etc/group", content: "root:x:0:\nnogroup:x:65534:\n" },
  ];
}

/** The Go name of this machine's architecture, which images carry. */
function architecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}
