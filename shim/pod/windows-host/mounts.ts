/** Directories, files and pipes of the host in a container on the same host. */
import type { HostFiles } from "../../../hcs/port/files.ts";
import type { MappedDirectory, MappedPipe } from "../../../hcs/schema/container.ts";
import { SpecError } from "../../../oci/errors.ts";
import type { Mount } from "../../../oci/spec.ts";
import { hostPlacedMounts, mappedPipe, type PathMount } from "../../../oci/windows/mounts.ts";
import { messageOf } from "../../errors.ts";

export interface HostMounts {
  readonly directories: readonly MappedDirectory[];
  readonly pipes: readonly MappedPipe[];
}

/** How a source is written in the document: links and drive letters resolved, or (schema 1) as the spec has it. */
export type SourceForm = "resolved" | "as-given";

/** @throws {SpecError} for a mount that cannot be made, a source that is not there above all */
export async function hostMounts(
  mounts: readonly Mount[],
  form: SourceForm,
  files: Pick<HostFiles, "stat" | "finalPath">,
  signal: AbortSignal,
): Promise<HostMounts> {
  const directories: MappedDirectory[] = [];
  const pipes: MappedPipe[] = [];
  for (const mount of hostPlacedMounts(mounts)) {
    if (mount.kind === "pipe") pipes.push(mappedPipe(mount));
    else directories.push(await mappedDirectory(mount, form, files, signal));
  }
  return { directories, pipes };
}

export async function mappedDirectory(
  { hostPath, containerPath, readOnly }: Omit<PathMount, "kind">,
  form: SourceForm,
  files: Pick<HostFiles, "stat" | "finalPath">,
  signal: AbortSignal,
): Promise<MappedDirectory> {
  const refuse = (cause?: unknown): SpecError => {
    const why = cause === undefined ? "it does not exist" : messageOf(cause);
    return new SpecError({ at: `mount source ${hostPath}`, rule: `cannot be mounted: ${why}`, cause });
  };
  if ((await files.stat(hostPath, { signal })) === undefined) throw refuse();
  try {
    const HostPath = form === "resolved" ? await files.finalPath(hostPath, { signal }) : hostPath;
    return { HostPath, ContainerPath: containerPath, ...(readOnly ? { ReadOnly: true } : {}) };
  } catch (cause) {
    throw refuse(cause);
  }
}
