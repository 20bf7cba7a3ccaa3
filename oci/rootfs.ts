/** Where a container's root file system comes from: the mount of the Create request, or folders of the spec. */
import { SpecError } from "./errors.ts";

/** A mount as a snapshotter hands it over (containerd.types.Mount). */
export interface RootfsMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

export type RootfsSource =
  | { readonly from: "mount"; readonly mount: RootfsMount }
  /** `windows.layerFolders`: uppermost layer first, the scratch last. */
  | { readonly from: "folders"; readonly layers: readonly string[]; readonly scratch: string };

/** @throws {SpecError} (failed precondition) unless there is exactly one source, and it is complete */
export function rootfsSource(rootfs: readonly RootfsMount[], layerFolders: readonly string[]): RootfsSource {
  const refuse = (at: string, rule: string, value?: unknown): SpecError =>
    new SpecError({ at, rule, value, refusal: "failed precondition" });
  if (rootfs.length > 0 && layerFolders.length > 0)
    throw refuse("rootfs", "must be empty when the spec has windows.layerFolders", rootfs);
  if (rootfs.length === 0 && layerFolders.length === 0)
    throw refuse("rootfs", "must have a mount, or the spec windows.layerFolders");
  const scratch = layerFolders.at(-1);
  if (scratch !== undefined) {
    if (layerFolders.length < 2)
      throw refuse("/windows/layerFolders", "must name a layer and the scratch at least", layerFolders);
    return { from: "folders", layers: layerFolders.slice(0, -1), scratch };
  }
  const [mount] = rootfs;
  if (mount === undefined || rootfs.length > 1) throw refuse("rootfs", "must have one mount", rootfs);
  if (mount.target !== "") throw refuse("rootfs/0/target", "must be empty", mount.target);
  return { from: "mount", mount };
}

/** The JSON after `name=` in the first option of that name; undefined without one. @throws {SpecError} */
export function jsonOption(mount: RootfsMount, name: string): unknown {
  const text = textOption(mount, name);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SpecError({
      at: `rootfs option ${name}`,
      rule: `is not JSON: ${(cause as Error).message}`,
      value: text,
      cause,
    });
  }
}

/** What stands after `name=` in the first option of that name. */
export function textOption(mount: RootfsMount, name: string): string | undefined {
  return mount.options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** As {@link jsonOption}, for a list of paths; empty without the option. @throws {SpecError} */
export function pathsOption(mount: RootfsMount, name: string): string[] {
  const value = jsonOption(mount, name);
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((path): path is string => typeof path === "string")) return value;
  throw new SpecError({ at: `rootfs option ${name}`, rule: "must be an array of paths", value });
}
