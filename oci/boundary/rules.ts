/**
 * What a boundary level lets into a VM's documents: at its creation, and by every request that changes it later. Pure, so that
 * what a level means can be read and tested without a VM.
 *
 * | level | shares of directories | named pipes of the host |
 * |---|---|---|
 * | `shared` | all | all |
 * | `no-data-smb` | read-only ones of the platform: boot files, layers, the agent | none |
 * | `strict` | none of any protocol, and no device for them | none |
 */
import type { ComputeSystemDocument } from "../../hcs/schema/compute-system.ts";
import { PLAN9_FLAG, PLAN9_SHARES, VSMB_SHARES, type ModifySettingRequest } from "../../hcs/schema/modify.ts";
import { SpecError } from "../errors.ts";
import { isObject } from "../json.ts";
import type { BoundaryLevel } from "./levels.ts";

/** What to do instead of sharing. */
export const ALTERNATIVES =
  "use a disk (mount type virtual-disk), a directory of the VM (sandbox://), or send files over the agent (hcsctl cp, hcsctl exec --in)";

const MAPPED_PIPES = "VirtualMachine/Devices/MappedPipes/";

/** The document as a VM of this level is made of it. @throws {SpecError} failed precondition */
export function documentWithin(document: ComputeSystemDocument, level: BoundaryLevel): ComputeSystemDocument {
  const machine = document.VirtualMachine;
  const devices = machine?.Devices;
  if (level === "shared" || machine === undefined || devices === undefined) return document;
  const shares = devices.VirtualSmb?.Shares ?? [];
  if (level === "no-data-smb") {
    const writable = shares.find(({ Options }) => Options?.ReadOnly !== true);
    if (writable !== undefined)
      throw refusal(level, `share "${writable.Name}" of the VM is writable`, writable.Path);
    return document;
  }
  // A confidential VM has a share of an empty directory, only because guests were always made with one.
  const needed = shares.find(({ Name }) => Name !== EMPTY_SHARE);
  if (needed !== undefined)
    throw refusal(
      level,
      `the VM boots from share "${needed.Name}"; boot it from block CIMs (a confidential pod), whose files come on disks`,
      needed.Path,
    );
  const { VirtualSmb: _smb, Plan9: _plan9, ...rest } = devices;
  return { ...document, VirtualMachine: { ...machine, Devices: rest } };
}

/** Name of the share that a confidential VM is made with. */
const EMPTY_SHARE = "defaultEmptyShare";

export interface SharedPath {
  readonly protocol: "smb" | "9p";
  readonly path: string;
  readonly readOnly: boolean;
}

/** The directory that a request would share; undefined for one that shares none. */
export function shareOf({
  ResourcePath,
  RequestType,
  Settings,
}: ModifySettingRequest): SharedPath | undefined {
  if (RequestType === "Remove" || !isObject(Settings)) return undefined;
  const path = typeof Settings["Path"] === "string" ? Settings["Path"] : "";
  if (ResourcePath === PLAN9_SHARES) {
    const flags = typeof Settings["Flags"] === "number" ? Settings["Flags"] : 0;
    return { protocol: "9p", path, readOnly: (flags & PLAN9_FLAG.readOnly) !== 0 };
  }
  if (!ResourcePath.startsWith(VSMB_SHARES)) return undefined;
  const options = Settings["Options"];
  return { protocol: "smb", path, readOnly: isObject(options) && options["ReadOnly"] === true };
}

/**
 * Refuses a request that the level forbids.
 *
 * @param isPlatform whether a path is one of the platform's own: a layer, the agent
 * @throws {SpecError} failed precondition
 */
export function requireWithin(
  request: ModifySettingRequest,
  level: BoundaryLevel,
  isPlatform: (path: string) => boolean,
): void {
  if (level === "shared" || request.RequestType === "Remove") return;
  if (request.ResourcePath.startsWith(MAPPED_PIPES))
    throw refusal(level, "a named pipe of the host", request.ResourcePath.slice(MAPPED_PIPES.length));
  const share = shareOf(request);
  if (share === undefined) return;
  if (level === "strict") throw refusal(level, "a directory of the host", share.path);
  if (!share.readOnly) throw refusal(level, "a writable directory of the host", share.path);
  if (!isPlatform(share.path)) throw refusal(level, "a directory of the host with user data", share.path);
}

function refusal(level: BoundaryLevel, what: string, value: unknown): SpecError {
  return new SpecError({
    at: "boundary.level",
    rule: `"${level}" does not let this into the VM: ${what}; ${ALTERNATIVES}`,
    value,
    refusal: "failed precondition",
  });
}
