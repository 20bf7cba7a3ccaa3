/**
 * What isolates a task from its host, decided from the spec and from what the runtime handler was configured for.
 * Without a word about it Windows containers are isolated as processes, on every edition of Windows.
 */
import { SpecError } from "./errors.ts";
import { isHostProcess } from "./host-process/classify.ts";
import { isObject } from "./json.ts";
import { readSpec, type Spec } from "./spec.ts";

/**
 * - `linux-vm`: Linux containers in a utility VM
 * - `windows-vm`: Windows containers in a utility VM; a HostProcess container is a privileged one there
 * - `windows-host`: Windows containers on the host's own kernel
 * - `host-process`: processes of the host in a job
 */
export type Isolation = "linux-vm" | "windows-vm" | "windows-host" | "host-process";

/** What runtime options say about isolation. */
export interface IsolationOptions {
  readonly hypervisor: boolean;
  /** No runtime option at all was given: then none of them speaks against anything. */
  readonly isEmpty: boolean;
  /** Such as `windows/amd64`; empty: any. */
  readonly platform: string;
}

/** The spec with what the runtime options imply. @throws {SpecError} when they contradict it */
export function applyIsolationOptions(spec: Spec, options: IsolationOptions): Spec {
  const implied = options.hypervisor ? withHypervisor(spec) : spec;
  if (!options.hypervisor && !options.isEmpty && isIsolated(spec)) {
    const what =
      spec.linux === undefined
        ? "the spec has a windows.hyperv section"
        : "a Linux container runs in a utility VM";
    throw new SpecError({
      at: "runtime option SandboxIsolation",
      rule: `must be 1 (hypervisor): ${what}, and other options of this runtime handler are set`,
      value: 0,
    });
  }
  if (!options.isEmpty) checkPlatform(implied, options.platform);
  return implied;
}

/** @throws {SpecError} for a spec of neither operating system */
export function isolationOf(spec: Spec): Isolation {
  if (spec.linux !== undefined) return "linux-vm";
  if (spec.windows === undefined) {
    throw new SpecError({ at: "config.json", rule: 'must have a "windows" or a "linux" section' });
  }
  if (spec.windows.hyperv) return "windows-vm";
  return isHostProcess(spec) ? "host-process" : "windows-host";
}

/** In a VM of its own kernel. */
export function isIsolated(spec: Spec): boolean {
  return spec.linux !== undefined || spec.windows?.hyperv === true;
}

function withHypervisor(spec: Spec): Spec {
  if (isIsolated(spec)) return spec;
  const { windows } = spec.document;
  return readSpec({
    ...spec.document,
    windows: { ...(isObject(windows) ? windows : {}), hyperv: {} },
  });
}

/** `linux/amd64`, `windows/arm64/v8`. */
const PLATFORM = /^([a-z0-9_-]+)(?:\/[A-Za-z0-9_-]+){0,2}$/;

function checkPlatform(spec: Spec, platform: string): void {
  if (platform === "") return;
  const os = PLATFORM.exec(platform.toLowerCase())?.[1];
  const actual = spec.linux === undefined ? "windows" : "linux";
  if (os === actual) return;
  throw new SpecError({
    at: "runtime option SandboxPlatform",
    rule:
      os === "windows" || os === "linux"
        ? `must be of ${actual}: that is what the spec is for`
        : 'must be a platform of Windows or Linux, such as "windows/amd64"',
    value: platform,
  });
}

/** Isolation of a pod → that of the containers it can have. */
const POD_CONTAINERS: Readonly<Record<Isolation, readonly Isolation[]>> = {
  "linux-vm": ["linux-vm"],
  // In a VM, a container that asks for no more than process isolation has it there.
  "windows-vm": ["windows-vm", "windows-host"],
  "windows-host": ["windows-host", "host-process"],
  "host-process": ["host-process"],
};

/**
 * A container is where its pod is, or it is not made: never on the host by accident.
 *
 * @throws {SpecError} when the pod cannot have such a container
 */
export function checkPodIsolation(pod: Isolation, container: Isolation): void {
  if (POD_CONTAINERS[pod].includes(container)) return;
  throw new SpecError({
    at: "config.json",
    rule: `must be isolated as its pod is: the pod's containers are ${POD_CONTAINERS[pod].map((name) => `"${name}"`).join(" or ")}`,
    value: container,
  });
}
