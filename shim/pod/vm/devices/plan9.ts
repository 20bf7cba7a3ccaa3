/**
 * Directories of the host inside a Linux VM: a Plan9 share of the VM, mounted by its guest. Both parts or none.
 */
import { LINUX_GUEST_PORT } from "../../../../hcs/schema/hv-socket.ts";
import { addMappedDirectory, removeMappedDirectory } from "../../../../hcs/guest/modify.ts";
import { isNotFound } from "../../../../hcs/hresult.ts";
import { PLAN9_FLAG, PLAN9_SHARES, type Plan9Share } from "../../../../hcs/schema/modify.ts";
import type { Holdings } from "../../../resources/holdings.ts";
import { unlessGone, type UvmView } from "../uvm.ts";

export interface ShareRequest {
  /** Directory on the host. */
  readonly directory: string;
  /** Only this file of the directory, by its bare name. */
  readonly file?: string;
  readonly readOnly: boolean;
  /** Where the guest mounts it. */
  readonly guestPath: string;
}

/** Names the shares of one VM: decimal numbers from 0, never reused. */
export class ShareNames {
  #next = 0;

  take(): string {
    return String(this.#next++);
  }
}

/** Shares a directory with the VM and has the guest mount it; undone when `holdings` are released. */
export async function addShare(
  uvm: UvmView,
  names: ShareNames,
  holdings: Holdings,
  request: ShareRequest,
  signal: AbortSignal,
): Promise<void> {
  const name = names.take();
  const guestMount = {
    MountPath: request.guestPath,
    Port: LINUX_GUEST_PORT.plan9,
    ShareName: name,
    ReadOnly: request.readOnly,
  };
  const remove = (budget: AbortSignal): Promise<void> =>
    unlessGone(uvm, async () => {
      await uvm.guest.modify(removeMappedDirectory(guestMount), { signal: budget });
      await removeShare(uvm, name, budget);
    });
  await holdings.acquire(
    { kind: "share", key: `share:${uvm.id}/${name}`, data: { vm: uvm.id, name, path: request.directory } },
    async () => {
      await uvm.system.modify(
        { ResourcePath: PLAN9_SHARES, RequestType: "Add", Settings: shareSettings(name, request) },
        { signal },
      );
      try {
        await uvm.guest.modify(addMappedDirectory(guestMount), { signal });
      } catch (error) {
        await removeShare(uvm, name, signal);
        throw error;
      }
    },
    remove,
  );
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
