/**
 * A root file system out of layers of a user's own, in the order in which they are listed: later ones override earlier ones.
 * For Linux a mount that the shim makes; for Windows a chain of layer folders.
 */
import { createReadStream } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import path, { join } from "node:path";
import type { RootfsMount } from "../../../hcs/api.ts";
import { LayerChainError, resolveLayerChain, type LayerReader } from "../../../oci/windows/layer-chain.ts";
import type { EngineRootfs } from "../engine.ts";
import { ClientError } from "../errors.ts";
import { uncompressed } from "../images/compression.ts";
import { applyLayer } from "../images/layer.ts";
import type { GuestOs, HostMount, Layer } from "../options/options.ts";

/** Makes a directory of a package. By default a package is a tar archive, compressed or not. */
export interface LayerSource {
  /** @param target an empty directory */
  materialise(path: string, target: string): Promise<void>;
}

export interface ComposedRootfs {
  readonly rootfs: EngineRootfs;
  /** Directories of the host, seen in the container. */
  readonly mounts: readonly HostMount[];
  /** Nothing in the root file system can be changed. */
  readonly readonly: boolean;
  /** Directory with the files of a Linux base layer. */
  readonly base?: string;
  /** Of a Windows container: uppermost first, the scratch last. */
  readonly layerFolders: readonly string[];
}

export interface ComposeInit {
  readonly os: GuestOs;
  readonly layers: readonly Layer[];
  /** Of this container, on the client's side. */
  readonly directory: string;
  readonly source?: LayerSource;
}

const ARCHIVES: LayerSource = {
  materialise: async (archive, target) =>
    applyLayer(await uncompressed(createReadStream(archive)), target, { name: archive }),
};

const TYPES = ["base", "package", "directory", "overlay"];

/** @throws {ClientError} for a list without a base, and for what is not there */
export async function composeRootfs(init: ComposeInit): Promise<ComposedRootfs> {
  const { layers, os } = init;
  for (const { type } of layers) {
    if (!TYPES.includes(type)) throw refused(`must be of the types ${TYPES.join(", ")}`, type);
  }
  const [base, ...others] = layers.filter((layer) => layer.type === "base");
  if (base === undefined || others.length > 0)
    throw refused("must have exactly one base", layers.map(({ type }) => type).join(", ") || "none");
  await requireDirectory(base.path);
  const mounts: HostMount[] = [];
  for (const layer of layers) {
    if (layer.type !== "directory") continue;
    await requireThere(layer.source);
    mounts.push({ source: layer.source, target: layer.target, readonly: layer.readonly ?? false });
  }
  const composed =
    os === "linux" ? await composeLinux(init, base.path) : await composeWindows(init, base.path);
  return { ...composed, mounts };
}

async function composeLinux(
  { layers, directory, source = ARCHIVES }: ComposeInit,
  base: string,
): Promise<Omit<ComposedRootfs, "mounts">> {
  const lower = [base];
  for (const layer of layers) {
    if (layer.type !== "package") continue;
    await requireThere(layer.path);
    const target = join(directory, "layers", String(lower.length));
    await mkdir(target, { recursive: true });
    await source.materialise(layer.path, target);
    lower.push(target);
  }
  const writable = layers.some(({ type }) => type === "overlay");
  // Writable in any case: a runtime makes mount points in it. What cannot be changed is said in the spec.
  const mount = await overlayMount(lower, directory);
  return { rootfs: { kind: "mounts", mounts: [mount] }, readonly: !writable, base, layerFolders: [] };
}

async function overlayMount(lower: readonly string[], directory: string): Promise<RootfsMount> {
  const [upper, work] = [join(directory, "upper"), join(directory, "work")];
  for (const each of [upper, work]) await mkdir(each, { recursive: true });
  // The kernel has the uppermost first.
  const options = [`lowerdir=${lower.toReversed().join(":")}`, `upperdir=${upper}`, `workdir=${work}`];
  return { type: "overlay", source: "overlay", target: "", options };
}

async function composeWindows(
  { layers, directory }: ComposeInit,
  base: string,
): Promise<Omit<ComposedRootfs, "mounts">> {
  if (layers.some(({ type }) => type === "package"))
    throw refused(
      "must not have packages for a Windows container: import them as layers of the chain",
      "package",
    );
  let parents: readonly string[];
  try {
    ({ parents } = await resolveLayerChain(base, HOST_READER, { mayBeBase: true, paths: path }));
  } catch (error) {
    if (!(error instanceof LayerChainError)) throw error;
    throw new ClientError("FailedPrecondition", `cannot use the layers of "${base}": ${error.message}`, {
      cause: error,
      path: base,
      fault: error.fault,
    });
  }
  const scratch = join(directory, "scratch");
  await mkdir(scratch, { recursive: true });
  return { rootfs: { kind: "spec" }, readonly: false, layerFolders: [base, ...parents, scratch] };
}

const HOST_READER: LayerReader = {
  kindOf: async (file) => {
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) return undefined;
    return found.isDirectory() ? "directory" : found.isFile() ? "file" : "other";
  },
  readText: (file) => readFile(file, "utf8"),
};

async function requireDirectory(file: string): Promise<void> {
  if ((await HOST_READER.kindOf(file)) === "directory") return;
  throw new ClientError("NotFound", `there is no directory "${file}" to be the base of a root file system`, {
    path: file,
  });
}

async function requireThere(file: string): Promise<void> {
  if ((await HOST_READER.kindOf(file)) !== undefined) return;
  throw new ClientError("NotFound", `there is no "${file}" to be a layer`, { path: file });
}

function refused(rule: string, value: string): ClientError {
  return new ClientError("InvalidArgument", `invalid layers: ${rule} (found ${value})`, {
    field: "layers",
    value,
  });
}
