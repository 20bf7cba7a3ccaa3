/** What a container on the host has of it: brought into the view of its worker, and its document with the paths there. */
import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import { mount, MS } from "../../posix/libc.ts";
import type { MappedDirectory, MappedPipe, WindowsContainer } from "../../schema/container.ts";
import { addNetworkAdapter } from "../network/adapters.ts";
import type { EmulatedNetwork } from "../network/network.ts";
import { mountsAtOrBelow } from "../storage/mount-table.ts";
import { showDirectory, type ModifyTarget } from "../storage/plan9-shares.ts";
import type { WindowsHost, WindowsParts } from "../windows/host.ts";
import { MACHINE_SHARE, parseVolumePath, sharePath } from "../windows/paths.ts";
import { OWN_PROGRAMS } from "../windows/wine.ts";
import { newAdapterId } from "./container-session.ts";
import { sharePipe, type PipeUser } from "./pipe-shares.ts";
import type { HostPaths } from "./state-directory.ts";

export interface SharedContainer {
  readonly container: WindowsContainer;
  /** Of its network, where it has one. */
  readonly adapterId: string | undefined;
}

export interface ShareContext extends PipeUser {
  readonly host: WindowsHost;
  readonly network: EmulatedNetwork;
  readonly target: ModifyTarget;
}

/** Where a worker finds what a Windows guest boots. */
export function showWindows(paths: HostPaths, { template, programDirectory }: WindowsParts): void {
  const target = join(paths.windows, "template");
  mkdirSync(target);
  mount({ source: template.directory, target, flags: MS.bind });
  mount({ target, flags: MS.remount | MS.bind | MS.rdonly });
  for (const name of OWN_PROGRAMS) copyFileSync(join(programDirectory, name), join(paths.windows, name));
}

/** Drive C: of the machine, for a job of it. */
export function showMachine(paths: HostPaths, drive: string): void {
  const target = join(paths.vsmbShares, MACHINE_SHARE);
  mkdirSync(target);
  mount({ source: drive, target, flags: MS.bind });
}

export async function shareContainer(
  context: ShareContext,
  document: WindowsContainer,
): Promise<SharedContainer> {
  const { Storage, MappedDirectories = [], MappedPipes = [], Networking } = document;
  shareVolume(context, Storage.Path);
  for (const { Path } of Storage.Layers ?? []) requireDirectory(Path, context.target);
  const mapped: MappedDirectory[] = [];
  for (const one of MappedDirectories)
    mapped.push({ ...one, HostPath: await shareDirectory(context, one.HostPath, one.ReadOnly === true) });
  const pipes = sharePipes(context, MappedPipes);
  const network = await shareNetwork(context, Networking?.Namespace);
  return {
    container: {
      ...document,
      ...(mapped.length === 0 ? {} : { MappedDirectories: mapped }),
      ...(pipes.length === 0 ? {} : { MappedPipes: pipes }),
      ...(network === undefined ? {} : { Networking: { ...Networking, Namespace: network.namespace } }),
    },
    adapterId: network?.adapterId,
  };
}

function shareVolume({ paths, host, target }: ShareContext, path: string): void {
  const id = parseVolumePath(path)?.id;
  const source = id === undefined ? "" : host.volumeDirectory(id);
  if (id === undefined || mountsAtOrBelow(source).length === 0) {
    const detail = `/Container/Storage/Path: there is no volume "${path}"`;
    throw new HcsError({ ...subjectOf(target), hresult: HRESULT.fileNotFound, detail });
  }
  const directory = join(paths.volumes, id);
  mkdirSync(directory);
  mount({ source, target: directory, flags: MS.bind | MS.rec });
}

/** A pipe may be mapped under several names. */
function sharePipes(context: ShareContext, pipes: readonly MappedPipe[]): MappedPipe[] {
  const shared = new Map<string, string>();
  return pipes.map(({ ContainerPipeName, HostPath }) => {
    const path = shared.get(HostPath.toLowerCase()) ?? sharePipe(context, HostPath, context.target);
    shared.set(HostPath.toLowerCase(), path);
    return { ContainerPipeName, HostPath: path };
  });
}

let shares = 0;

/** @returns the path that the container's worker knows it by */
export async function shareDirectory(
  { paths, host, target }: Pick<ShareContext, "paths" | "host" | "target">,
  hostPath: string,
  readOnly: boolean,
): Promise<string> {
  const subject = subjectOf(target);
  const local = await host.localPath(hostPath, subject);
  const stats = statSync(local, { throwIfNoEntry: false });
  const refuse = (hresult: number, detail: string, cause?: unknown): never => {
    throw new HcsError({ ...subject, hresult, detail: `mapped directory "${hostPath}": ${detail}`, cause });
  };
  if (stats === undefined) return refuse(HRESULT.fileNotFound, "it does not exist");
  const name = `d${++shares}`;
  const directory = join(paths.vsmbShares, name);
  if (stats.isDirectory()) {
    showDirectory(paths, directory, { path: local, readOnly }, refuse);
    return sharePath(name);
  }
  const file = basename(local);
  showDirectory(paths, directory, { path: dirname(local), readOnly, files: [file] }, refuse);
  return sharePath(name, file);
}

async function shareNetwork(
  { paths, network, target }: ShareContext,
  reference: string | undefined,
): Promise<{ readonly namespace: string; readonly adapterId: string } | undefined> {
  if (reference === undefined) return undefined;
  const { id, endpoints } = await network.openNamespace(reference);
  const [endpoint] = endpoints;
  if (endpoint === undefined) return undefined;
  const adapterId = newAdapterId();
  addNetworkAdapter(paths, adapterId, { EndpointId: endpoint.id }, network, target);
  return { namespace: id, adapterId };
}

function requireDirectory(path: string, target: ModifyTarget): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const detail = `/Container/Storage/Layers: layer "${path}" does not exist`;
  throw new HcsError({ ...subjectOf(target), hresult: HRESULT.fileNotFound, detail });
}

function subjectOf({ operation, id }: ModifyTarget): { readonly operation: string; readonly target: string } {
  return { operation, target: id };
}
