/** What one row of the catalogue says about an annotation. */
import type { ValueType } from "./values.ts";

/** Whose spec the key is read from: the sandbox (or a standalone task) when its VM is built, each container, or both. */
export type AnnotationScope = "pod" | "container" | "both";

export interface AnnotationRow<T = unknown> {
  readonly key: string;
  readonly type: ValueType<T>;
  readonly unit?: string;
  readonly scope: AnnotationScope;
  /** The containers' operating system; absent: either. */
  readonly os?: "windows" | "linux";
  /** What isolates the containers; absent: either. */
  readonly isolation?: "hypervisor" | "process";
  /** What holds when the key is absent, for people. */
  readonly default: string;
  /** Where the value goes or what it does. */
  readonly effect: string;
  /** What else must hold of the value, and the host, for people. */
  readonly check?: string;
  /** As much of {@link check} and {@link unit} as the value alone tells. */
  valid?(value: T): boolean;
  /** For diagnosis and tests, or read by nobody but the guest. */
  readonly audience?: "internal" | "guest";
  /** A value that cannot be read fails the task instead of being ignored. */
  readonly strict?: true;
  /** The key is only the beginning; the rest is part of the value. */
  readonly prefix?: true;
}

type Place = Pick<AnnotationRow, "scope" | "os" | "isolation">;

/** Read from the sandbox's spec when its VM is made, whatever its guest. */
export const VM: Place = { scope: "pod", isolation: "hypervisor" };
export const WINDOWS_VM: Place = { ...VM, os: "windows" };
export const LINUX_VM: Place = { ...VM, os: "linux" };
/** Read from each container's own spec. */
export const WINDOWS_CONTAINER: Place = { scope: "container", os: "windows" };
export const LINUX_CONTAINER: Place = { scope: "container", os: "linux", isolation: "hypervisor" };

export const VM_PREFIX = "io.microsoft.virtualmachine.";

/** For {@link AnnotationRow.valid}. */
export function between(least: number, most: number): (value: number) => boolean {
  return (value) => value >= least && value <= most;
}
