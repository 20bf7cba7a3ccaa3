/**
 * What the host side of the emulator and the worker of one compute system agree on: the layout of the system's
 * directory, and the file that tells the worker what it is. The host writes both before it starts the worker.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Wine } from "../windows/wine.ts";
import type { ComputeSystemDocument } from "../../schema/compute-system.ts";

/** Content of `system.json`. */
export interface SystemFile {
  /** Compute system id, e.g. `pod1@vm`. */
  readonly id: string;
  /** Lower-case GUID under which Hyper-V sockets know the system. */
  readonly runtimeId: string;
  /** Absolute cgroup path, the same below every hierarchy; has the children `gcs` and `pods`. */
  readonly cgroup: string;
  /** Absolute directory of this system's HvSocket stand-ins: unix sockets named by service id. */
  readonly sockets: string;
  readonly document: ComputeSystemDocument;
  /** `ShouldTerminateOnLastHandleClosed` of the document. */
  readonly terminateOnLastHandleClosed: boolean;
  /** Absent for systems with a Linux guest. */
  readonly windows?: WindowsSystem;
}

/** What a worker with a Windows guest has to know. */
export interface WindowsSystem {
  /** A VM, or what stands around one container or job of the host and shares its kernel objects. */
  readonly kind: "vm" | "container" | "job";
  /** This build has HostProcess containers in VMs. */
  readonly hostProcess: boolean;
  /** Logical processors: of the VM, or of the host. */
  readonly processors: number;
  /** How many processors' worth of time there is: a VM may have less than all of its processors'. */
  readonly processorTime: number;
  readonly wine: Wine;
}

/** Paths below a system directory. */
export interface SystemPaths {
  readonly systemFile: string;
  /** Unix socket on which the worker accepts further handles (`worker/messages.ts`). */
  readonly controlSocket: string;
  /** Standard output and error of the worker. */
  readonly workerLog: string;
  /** A mount of itself with shared propagation: what the host mounts below it appears in the worker. */
  readonly shares: string;
  /** `<shares>/plan9/<share name>` is a Plan9 share. */
  readonly plan9Shares: string;
  /** `<shares>/disks/<disk name>` is a bind of the block device that is the disk (storage/disks.ts). */
  readonly disks: string;
  /** `<shares>/vsmb/<share name>` is a VSMB share. */
  readonly vsmbShares: string;
  /** `<shares>/volumes/<GUID>` is the scratch disk of a container on the host. */
  readonly volumes: string;
  /** What a Windows guest boots: `<shares>/windows/template`, and this project's own programs. */
  readonly windows: string;
  /** `<shares>/pipes/<file name of a pipe>` is the machine's directory of pipes: the worker may connect to this one. */
  readonly pipes: string;
  /** `<shares>/nics/<NIC GUID>` is a bind of a network namespace: the emulated NIC is that namespace. */
  readonly nics: string;
}

export function systemPaths(directory: string): SystemPaths {
  const shares = join(directory, "shares");
  return {
    systemFile: join(directory, "system.json"),
    controlSocket: join(directory, "control.sock"),
    workerLog: join(directory, "worker.log"),
    shares,
    plan9Shares: join(shares, "plan9"),
    disks: join(shares, "disks"),
    vsmbShares: join(shares, "vsmb"),
    volumes: join(shares, "volumes"),
    windows: join(shares, "windows"),
    pipes: join(shares, "pipes"),
    nics: join(shares, "nics"),
  };
}

/** Reads and checks `system.json` of a system directory. Throws with the path and the member that is wrong. */
export function readSystemFile(directory: string): SystemFile {
  const path = systemPaths(directory).systemFile;
  return parseSystemFile(readFileSync(path, "utf8"), path);
}

/** `path` is for the error's text alone. */
export function parseSystemFile(text: string, path: string): SystemFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`cannot read system file "${path}": invalid JSON`, { cause: error });
  }
  if (!isRecord(value)) throw new Error(`cannot read system file "${path}": it is not an object`);
  const fields = value;
  const wrong = (name: string, expected: string): Error =>
    new Error(
      `cannot read system file "${path}": ${name} is not ${expected}: ${JSON.stringify(fields[name])}`,
    );
  const stringOf = (name: string): string => {
    const field = fields[name];
    if (typeof field !== "string" || field === "") throw wrong(name, "a non-empty string");
    return field;
  };
  const absolute = (name: string): string => {
    const field = stringOf(name);
    if (!field.startsWith("/")) throw wrong(name, "an absolute path");
    return field;
  };
  if (!isRecord(fields["document"])) throw wrong("document", "an object");
  const terminate = fields["terminateOnLastHandleClosed"];
  if (typeof terminate !== "boolean") throw wrong("terminateOnLastHandleClosed", "a boolean");
  return {
    id: stringOf("id"),
    runtimeId: stringOf("runtimeId"),
    cgroup: absolute("cgroup"),
    sockets: absolute("sockets"),
    document: fields["document"] as unknown as ComputeSystemDocument,
    terminateOnLastHandleClosed: terminate,
    // Written by the same version of the same program a moment ago.
    ...(isRecord(fields["windows"]) ? { windows: fields["windows"] as unknown as WindowsSystem } : {}),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
