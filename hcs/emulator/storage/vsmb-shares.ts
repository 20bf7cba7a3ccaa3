/** VSMB shares of a Windows VM: bind mounts below the system's shares directory, as Plan9 shares of a Linux VM are. */
import { rmdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { HcsError } from "../../errors.ts";
import { HRESULT } from "../../hresult-table.ts";
import type { VirtualSmbShare } from "../../schema/compute-system.ts";
import { requireShape, VSMB_SHARE } from "../systems/document.ts";
import type { HostPaths } from "../systems/state-directory.ts";
import { nonEmptyString, object, required } from "../shape.ts";
import { isFileName, showDirectory, type ModifyTarget } from "./plan9-shares.ts";
import { unmountDirectly } from "./storage.ts";
import { unmountTree } from "./unmount-tree.ts";

const REMOVED = object({ Name: required(nonEmptyString) });

export function addVsmbShare(paths: HostPaths, settings: unknown, target: ModifyTarget): void {
  requireShape(settings, VSMB_SHARE, target.operation, target.id);
  const { Name, Path = "", Options = {}, AllowedFiles = [] } = settings as VirtualSmbShare;
  const refuse = refusal(Name, target);
  if (!isFileName(Name)) refuse(HRESULT.invalidArgument, "Name must be usable as a file name");
  if (statSync(Path, { throwIfNoEntry: false })?.isDirectory() !== true)
    refuse(HRESULT.fileNotFound, `directory "${Path}" does not exist`);
  const view = { path: Path, readOnly: Options.ReadOnly === true };
  if (Options.RestrictFileAccess !== true) {
    showDirectory(paths, join(paths.vsmbShares, Name), view, refuse);
    return;
  }
  const files = AllowedFiles.map((file) => {
    if (dirname(resolve(file)) !== resolve(Path))
      refuse(HRESULT.invalidArgument, `AllowedFiles has "${file}", which is not in "${Path}"`);
    if (statSync(file, { throwIfNoEntry: false }) === undefined)
      refuse(HRESULT.fileNotFound, `"${file}" does not exist`);
    return basename(file);
  });
  showDirectory(paths, join(paths.vsmbShares, Name), { ...view, files }, refuse);
}

/** Files that are allowed later on: the share is made anew with all of them. */
export async function updateVsmbShare(
  paths: HostPaths,
  settings: unknown,
  target: ModifyTarget,
): Promise<void> {
  requireShape(settings, VSMB_SHARE, target.operation, target.id);
  await removeVsmbShare(paths, { Name: (settings as VirtualSmbShare).Name }, target);
  addVsmbShare(paths, settings, target);
}

export async function removeVsmbShare(
  paths: HostPaths,
  settings: unknown,
  target: ModifyTarget,
): Promise<void> {
  requireShape(settings, REMOVED, target.operation, target.id);
  const { Name } = settings as VirtualSmbShare;
  const refuse = refusal(Name, target);
  if (!isFileName(Name)) refuse(HRESULT.invalidArgument, "Name must be usable as a file name");
  const directory = join(paths.vsmbShares, Name);
  if (statSync(directory, { throwIfNoEntry: false }) === undefined)
    refuse(HRESULT.elementNotFound, "no such share");
  await unmountTree(directory, unmountDirectly);
  rmdirSync(directory);
}

function refusal(
  name: string,
  { operation, id }: ModifyTarget,
): (hresult: number, detail: string, cause?: unknown) => never {
  return (hresult, detail, cause) => {
    throw new HcsError({ operation, target: id, hresult, detail: `VSMB share "${name}": ${detail}`, cause });
  };
}
