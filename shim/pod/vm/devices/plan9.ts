/**
 * Directories of the host inside a Linux VM: a Plan9 share of the VM, mounted by its guest. Both parts or none.
 */
import { LINUX_GUEST_PORT } from "../../../../hcs/schema/hv-socket.ts";
import { addMappedDirectory, removeMappedDirectory } from "../../../../hcs/guest/modify.ts";
import { isNotFound } from "../../../../hcs/hresult.ts";
import { PLAN9_FLAG, PLAN9_SHARES, type Plan9Share } from "../../../../hcs/schema/modify.ts";
import type { Holdings } from "../../../resources/holdings.ts";
import type { Holding } from "../../../resources/journal.ts";
import { unlessGone, type UvmView } from "../uvm.ts";

export interface ShareRequest {
  /** Directory on the host. */
  readonly directory: string;
  /** Only this file of the directory, by its bare name. */
  readonly file?: string;
  readonly readOnly: boolean;
  /** Where the guest mounts it. */
  readonly guestPath: string;
  /** Present: it is the root file system of this container, which may stay as long as the VM does. */
  readonly rootfsOf?: string;
}

/** Names the shares of one VM: decimal numbers from 0, never reused. */
export class ShareNames {
  #next = 0;

  take(): string {
    return String(this.#next++);
  }

  /** A name that an earlier process has given away. */
  keep(name: string): string {
    this.#next = Math.max(this.#next, Number(name) + 1);
    return name;
  }
}

/** The name that the share has already, where an earlier process has made it. */
function inheritedName({ inherited }: Holdings, { directory, rootfsOf }: ShareRequest): string | undefined {
  const found = inherited.find(({ kind, data }) =>
    rootfsOf === undefined
      ? kind === "share" && data.path === directory
      : kind === "layers" && data.container === rootfsOf,
  );
  return found?.key.slice(found.key.lastIndexOf("/") + 1);
}

/** Shares a directory with the VM and has the guest mount it; undone when `holdings` are released. */
export async function addShare(
  uvm: UvmView,
  names: ShareNames,
  holdings: Holdings,
  request: ShareRequest,
  signal: AbortSignal,
): Promise<void> {
  const known = inheritedName(holdings, request);
  const name = known === undefined ? names.take() : names.keep(known);
  const guestMount = { MountPath: request.guestPath, Port: LINUX_GUEST_PORT.plan9, ShareName: name };
  const remove = (budget: AbortSignal): Promise<void> =>
    unlessGone(uvm, async () => {
      await uvm.guest.modify(removeMappedDirectory(guestMount), { signal: budget });
      await removeShare(uvm, name, budget);
    });
  await holdings.acquire(
    shareHolding(uvm.id, name, request),
    async () => {
      await uvm.system.modify(
        { ResourcePath: PLAN9_SHARES, RequestType: "Add", Settings: shareSettings(name, request) },
        { signal },
      );
      try {
        await uvm.guest.modify(addMappedDirectory({ ...guestMount, ReadOnly: request.readOnly }), { signal });
      } catch (error) {
        await removeShare(uvm, name, signal);
        throw error;
      }
    },
    remove,
  );
}

function shareHolding(vm: string, name: string, { directory, rootfsOf }: ShareRequest): Holding {
  const key = `share:${vm}/${name}`;
  return rootfsOf === undefined
    ? { kind: "share", key, data: { vm, name, path: directory } }
    : { kind: "layers", key, data: { vm, container: rootfsOf } };
}

function shareSettings(name: string, request: ShareRequest): Plan9Share {
  const flags =
    PLAN9_FLAG.linuxMetadata |
    (request.readOnly ? PLAN9_FLAG.readOnly : 0) |
    (request.file === undefined ? 0 : PLAN9_FLAG.restrictFileAccess);
  return {
    Name: name,
    AccessName: name,
    Path: request.directory,
    Port: LINUX_GUEST_PORT.plan9,
    Flags: flags,
    ...(request.file === undefined ? {} : { AllowedFiles: [request.file] }),
  };
}

async function removeShare(uvm: UvmView, name: string, signal: AbortSignal): Promise<void> {
  const settings: Plan9Share = { Name: name, AccessName: name, Port: LINUX_GUEST_PORT.plan9 };
  try {
    await uvm.system.modify(
      { ResourcePath: PLAN9_SHARES, RequestType: "Remove", Settings: settings },
      { signal },
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
