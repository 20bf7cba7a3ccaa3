/**
 * Directories and files of the host in a Windows VM: VSMB shares. A directory is shared once per way of sharing it; of
 * files their directory is shared, restricted to those that somebody asked for.
 */
import type { PlatformPath } from "node:path";
import { isNotFound } from "../../../../hcs/hresult.ts";
import type { VirtualSmbShare, VirtualSmbShareOptions } from "../../../../hcs/schema/compute-system.ts";
import { VSMB_SHARES } from "../../../../hcs/schema/modify.ts";
import { shareOptions } from "../../../../oci/windows/vsmb-options.ts";
import { vsmbGuestPath } from "../../../../oci/windows/guest-paths.ts";
import { ShimError } from "../../../errors.ts";
import { Serial } from "../../../task/serial.ts";
import type { UvmView } from "../uvm.ts";
import { SharedDevice, type Reservation, type ReservationState } from "./shared-device.ts";

export interface VsmbSharesInit {
  readonly uvm: UvmView;
  /** Rules of the host's paths. */
  readonly paths: PlatformPath;
  /** Nothing is mapped into the guest's memory; only then can shares be removed again. */
  readonly noDirectMap: boolean;
  readonly refuseWritable: boolean;
  /** Whether files of a path can be mapped into the guest's memory; absent: all can. */
  readonly canMap?: (path: string, signal: AbortSignal) => Promise<boolean>;
}

export interface VsmbRequest {
  readonly path: string;
  readonly kind: "file" | "directory";
  readonly readOnly: boolean;
  /** An image layer: the guest reads it with backup privileges. */
  readonly layer?: boolean;
}

export interface VsmbReservation extends Reservation {
  readonly name: string;
  /** Where the guest sees the directory or file. */
  readonly guestPath: string;
}

/** A share as it is in the VM, or is about to be. */
interface Share {
  readonly name: string;
  readonly path: string;
  /** Known for good once it is shared. */
  options: VirtualSmbShareOptions;
  readonly device: SharedDevice;
  /** Files that its present users asked for; empty for directories. */
  readonly wanted: string[];
  /** Files the guest may open, in the order they came. */
  readonly allowed: string[];
  readonly serial: Serial;
}

/** The shares of one VM. */
export class VsmbShares {
  readonly #init: VsmbSharesInit;
  readonly #shares = new Map<string, Share>();
  #count = 0;

  constructor(init: VsmbSharesInit) {
    this.#init = init;
  }

  /**
   * Finds the share that fits, or reserves a new one. No I/O.
   *
   * @throws {ShimError} SHARE_REFUSED for a writable one where the pod forbids them
   */
  reserve(request: VsmbRequest): VsmbReservation {
    if (!request.readOnly && this.#init.refuseWritable) {
      throw new ShimError(
        "SHARE_REFUSED",
        `cannot share "${request.path}" with VM "${this.#init.uvm.id}": its pod forbids writable shares, mount it read-only`,
      );
    }
    const { paths } = this.#init;
    const file = request.kind === "file" ? request.path : undefined;
    const directory = cleanPath(paths, file === undefined ? request.path : paths.dirname(file));
    if (request.layer === true) this.#init.uvm.boundary.allow(directory);
    const key = JSON.stringify([request.kind, directory, request.readOnly]);
    const share = this.#shares.get(key) ?? this.#add(key, directory, request);
    const root = vsmbGuestPath(share.name);
    return new ShareUser(this.#init.uvm, share, share.device.reserve(), {
      guestPath: file === undefined ? root : `${root}\\${paths.basename(file)}`,
      file,
    });
  }

  #add(key: string, path: string, { kind, readOnly, layer = false }: VsmbRequest): Share {
    const { uvm, noDirectMap, canMap } = this.#init;
    const name = `s${(++this.#count).toString(16)}`;
    const optionsFor = (mapped: boolean): VirtualSmbShareOptions => ({
      ...shareOptions({ readOnly, noDirectMap: !mapped }),
      ...(layer ? { TakeBackupPrivilege: true } : {}),
      ...(kind === "file" ? { RestrictFileAccess: true, SingleFileMapping: true } : {}),
    });
    const device = new SharedDevice(
      `share "${name}" of "${path}"`,
      [
        { state: "reserved" },
        {
          state: "shared",
          up: async (signal) => {
            const mapped = !noDirectMap && (canMap === undefined || (await canMap(path, signal)));
            share.options = optionsFor(mapped);
            const allowed = share.wanted.slice(0, 1);
            await modifyShare(uvm, "Add", settings(share, allowed), signal);
            share.allowed.splice(0, share.allowed.length, ...allowed);
            // What is mapped into the guest's memory cannot be taken away: such a share stays, and is used again.
            if (mapped) device.reserve();
          },
          down: (signal) => removeShare(uvm, name, signal),
        },
      ],
      () => this.#shares.delete(key),
    );
    const share: Share = {
      ...{ name, path, options: optionsFor(!noDirectMap), device },
      ...{ wanted: [], allowed: [], serial: new Serial() },
    };
    this.#shares.set(key, share);
    return share;
  }
}

/** One user's part in a share, and the file it is for. */
class ShareUser implements VsmbReservation {
  readonly guestPath: string;
  readonly #uvm: UvmView;
  readonly #share: Share;
  readonly #part: Reservation;
  readonly #file: string | undefined;

  constructor(
    uvm: UvmView,
    share: Share,
    part: Reservation,
    { guestPath, file }: { readonly guestPath: string; readonly file: string | undefined },
  ) {
    this.guestPath = guestPath;
    this.#uvm = uvm;
    this.#share = share;
    this.#part = part;
    this.#file = file;
    if (file !== undefined) share.wanted.push(file);
  }

  get name(): string {
    return this.#share.name;
  }

  get state(): ReservationState {
    return this.#part.state;
  }

  async acquire(signal: AbortSignal): Promise<void> {
    try {
      await this.#part.acquire(signal);
    } catch (error) {
      this.#forgetFile();
      throw error;
    }
    const file = this.#file;
    if (file === undefined) return;
    try {
      await this.#share.serial.run(() => this.#allow(file, signal));
    } catch (error) {
      await this.release(signal);
      throw error;
    }
  }

  async release(signal: AbortSignal): Promise<void> {
    if (this.#part.state === "reserved" || this.#part.state === "held") this.#forgetFile();
    await this.#part.release(signal);
  }

  async #allow(file: string, signal: AbortSignal): Promise<void> {
    const { allowed } = this.#share;
    if (allowed.includes(file)) return;
    await modifyShare(this.#uvm, "Update", settings(this.#share, [...allowed, file]), signal);
    allowed.push(file);
  }

  #forgetFile(): void {
    const { wanted } = this.#share;
    const at = this.#file === undefined ? -1 : wanted.indexOf(this.#file);
    if (at >= 0) wanted.splice(at, 1);
  }
}

function settings({ name, path, options }: Share, allowed: readonly string[]): VirtualSmbShare {
  return {
    Name: name,
    Path: path,
    Options: options,
    ...(allowed.length === 0 ? {} : { AllowedFiles: [...allowed] }),
  };
}

async function modifyShare(
  uvm: UvmView,
  RequestType: "Add" | "Update",
  Settings: VirtualSmbShare,
  signal: AbortSignal,
): Promise<void> {
  await uvm.system.modify({ ResourcePath: VSMB_SHARES, RequestType, Settings }, { signal });
}

async function removeShare(uvm: UvmView, Name: string, signal: AbortSignal): Promise<void> {
  try {
    await uvm.system.modify(
      { ResourcePath: VSMB_SHARES, RequestType: "Remove", Settings: { Name } },
      { signal },
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Without `.`, `..` and a separator at the end. */
function cleanPath(paths: PlatformPath, path: string): string {
  const normal = paths.normalize(path);
  return normal.length > paths.parse(normal).root.length && normal.endsWith(paths.sep)
    ? normal.slice(0, -1)
    : normal;
}
